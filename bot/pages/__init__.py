"""The pages for people: who may see them, how they look, and the review of what customers have said.

A page is a handler behind `needs` that ends in `render`; its template extends `page.html`.
"""

from bot.pages.guard import form_of, needs
from bot.pages.layout import render
from bot.pages.roles import Person, Role
from bot.pages.visit import person_of

__all__ = ["Person", "Role", "form_of", "needs", "person_of", "render"]
