"""The version of genspark, in one place."""

VERSION = "0.1.0"
