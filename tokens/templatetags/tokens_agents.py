"""The template filter `program`: the name of the program in a User-Agent header."""

from django import template

from tokens.usage.request_record import agent_family

register = template.Library()
register.filter("program", agent_family)
