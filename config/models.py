"""The model for hashes of the secrets that are used with this database."""

from django.db import models


class Fingerprint(models.Model):
    """Hashes of one secret: SECRET_KEY with its fallbacks, or one of TOKEN_PEPPERS."""

    name = models.CharField(max_length=40, primary_key=True)
    fingerprints = models.JSONField()  # a list; for SECRET_KEY, from the node that started last

    def __str__(self) -> str:
        return self.name
