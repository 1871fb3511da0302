"""A first look at data: what is in a source, and a job that suits it, with the reason for each choice."""

from genspark.drafting.looking import Column, Look, look
from genspark.drafting.writing import draft

__all__ = ["Column", "Look", "draft", "look"]
