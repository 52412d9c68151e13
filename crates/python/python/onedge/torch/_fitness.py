"""What `onedge.torch.check` found, for people."""

from __future__ import annotations

import dataclasses

from .._html import table

MARKS = {"holds": "ok", "note": "note", "unknown": "not known", "fails": "FAILS"}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: which, such as "symmetry".
        verdict: "holds"; "note", what is worth knowing; "unknown", what could not be found out; or "fails".
        text: a sentence.
        module: the name of the module that it is about, as in `model.named_modules()`; `""` is the model itself.
        error: how far two ways to the same number are apart, relative to their size.
    """

    what: str
    verdict: str
    text: str
    module: str | None = None
    error: float | None = None

    def __str__(self):
        where = "" if self.module is None else f" [module `{self.module}`]" if self.module else " [the model itself]"
        apart = f" (to {self.error:.0e})" if self.verdict == "holds" and self.error is not None else ""
        return f"{MARKS[self.verdict]:9} {self.what}: {self.text}{apart}{where}"


@dataclasses.dataclass(frozen=True)
class Fitness:
    """Whether a model is fit for curvature.

    Attributes:
        loss: on the batch.
        findings: all that was looked at, in order.
        functions: the names of the `torch.autograd.Function`s in the loss.
        fits: whether nothing fails.
        modules: the modules at fault.
    """

    loss: float
    findings: list[Finding]
    functions: list[str]

    @property
    def fits(self) -> bool:
        return all(finding.verdict != "fails" for finding in self.findings)

    @property
    def modules(self) -> list[str]:
        return list(dict.fromkeys(finding.module for finding in self.findings if finding.verdict == "fails" and finding.module is not None))

    def __str__(self):
        return "\n".join([self._title(), *(f"  {finding}" for finding in self.findings)])

    def _title(self):
        if not self.fits:
            at = f", because of {', '.join(f'`{name}`' if name else 'the model itself' for name in self.modules)}" if self.modules else ""
            return f"not fit for curvature{at}; loss {self.loss:.6g}"
        unknown = any(finding.verdict == "unknown" for finding in self.findings)
        return f"{'fit for curvature as far as can be told' if unknown else 'fit for curvature'}; loss {self.loss:.6g}"

    def _repr_html_(self):
        rows = [[MARKS[f.verdict], f.what, f.text, f.module or ("(model)" if f.module == "" else None), f.error] for f in self.findings]
        return table(["", "what", "finding", "module", "apart"], rows, self._title())
