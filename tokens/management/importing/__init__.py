"""`manage.py token import`: read tokens of other programs, check them, and make them work here."""
