"""A first look at data: what is in a source, and a job that suits it, with the reason for each choice."""

from genspark.drafting.asking import Answers, answers
from genspark.drafting.looking import Column, Look, look
from genspark.drafting.page import page
from genspark.drafting.writing import as_yaml, commented, draft, proposed

__all__ = ["Answers", "Column", "Look", "answers", "as_yaml", "commented", "draft", "look", "page", "proposed"]
