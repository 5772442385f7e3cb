"""How the administration writes instants: as the other pages do, with the zone."""

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i T"
