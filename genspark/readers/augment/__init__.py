"""What the step `augment` described, done: its views for any epoch, and the pixels of a view."""
