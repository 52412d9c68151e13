"""What onedge makes of a loss, for people."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What onedge makes of a loss.

    Attributes:
        supported: whether it can be an objective.
        unsupported: what cannot be done, a sentence each, with the line of the loss.
        parts: the parts that the batch is cut into; 1 for a whole.
        why: why so.
        parameters: the number of parameters.
        nodes: the number of values in the graph of the loss.
        fields: the arrays that it reads beside the parameters: those of the batch, and those that all batches share.
        notes: where it differs from the framework.
    """

    supported: bool
    unsupported: list[str]
    parts: int
    why: str
    parameters: int
    nodes: int
    fields: tuple[int, int]
    notes: list[str]

    def __str__(self):
        if not self.supported:
            few = "one thing" if len(self.unsupported) == 1 else f"{len(self.unsupported)} things"
            return "\n".join([f"not supported, for {few}:", *(f"  {line}" for line in self.unsupported)])
        way = "as a whole" if self.parts == 1 else f"in {self.parts} parts"
        own, shared = self.fields
        arrays = f"{own} array{'' if own == 1 else 's'} of the batch and {shared} of its own"
        lines = [f"computed {way}: {self.why}", f"{self.parameters} parameters, {self.nodes} values, {arrays}"]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])
