"""Scores of images, from vectors of them: features, embeddings or logits."""
