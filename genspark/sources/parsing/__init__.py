"""Text as blocks of lines and as columns of typed values, for every format that is text."""
