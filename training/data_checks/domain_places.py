"""Where in an assistant's files a name of the domain stands, and where a rule or a story does."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from configs.assistant_files import data_files, domain_paths
from configs.flows import Rule, Story
from configs.yaml_file import YamlFile, read_yaml
from training.data_checks.finding import Passage

SECTIONS = ("intents", "entities", "actions", "responses", "slots", "forms")


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainPlaces:
    """File and line by section and name.

    Attributes:
        first: The file that is named where nothing better is known.
    """

    first: Path
    places: Mapping[tuple[str, str], tuple[Path, int]]

    @classmethod
    def of(cls, root: Path) -> "DomainPlaces":
        """The places in the assistant that lies in `root`."""
        files = [read_yaml(path) for path in domain_paths(root)]
        places: dict[tuple[str, str], tuple[Path, int]] = {}
        for file in (*files, *data_files(root)):
            for section in SECTIONS if file in files else ("responses",):
                for name, line in _names(file, section).items():
                    places.setdefault((section, name), (file.path, line))
        return cls(first=files[0].path, places=places)

    def passage(self, section: str, name: str) -> Passage:
        """Where `name` is defined."""
        path, line = self.places.get((section, name), (self.first, 1))
        return Passage(text=name, path=path, line=line)


def flow_passage(flow: Rule | Story) -> Passage:
    """Where `flow` begins."""
    path, _, line = flow.where.rpartition(":")
    kind = "rule" if isinstance(flow, Rule) else "story"
    return Passage(text=f"{kind} {flow.name}", path=Path(path), line=int(line) if line.isdigit() else 1)


def _names(file: YamlFile, section: str) -> dict[str, int]:
    found = file.data.get(section)
    if isinstance(found, dict):
        return {name: file.line(section, name) or 1 for name in found}
    names: dict[str, int] = {}
    for index, item in enumerate(found or ()):
        name = next(iter(item), "") if isinstance(item, dict) else item
        names.setdefault(str(name), file.line(section, index) or 1)
    return names
