"""Single sign-on: people sign in at a provider of the company, by OpenID Connect.

The flow and its state are django-allauth's. What django-allauth leaves out is here: the ID token
is checked wholly, the provider's documents are kept, and rules say who gets which account.
"""
