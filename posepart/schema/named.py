"""All body schemas by the names that settings use."""

from posepart.schema import POSEPART, BodySchema
from posepart.schema.atr_and_cihp import ATR, CIHP
from posepart.schema.lip import LIP
from posepart.schema.mpii import MPII

SCHEMAS: dict[str, BodySchema] = {schema.name: schema for schema in (POSEPART, LIP, CIHP, ATR, MPII)}


def schema_named(name: str) -> BodySchema:
    """Look up a schema.

    Raises
    ------
    ValueError
        There is no such schema.
    """
    if name not in SCHEMAS:
        raise ValueError(f"schema: expected one of {', '.join(SCHEMAS)}, got {name!r}")
    return SCHEMAS[name]
