"""Which files of an assistant's folder are read."""

from pathlib import Path

from configs.errors import AssistantError
from configs.yaml_file import YamlFile, read_yaml

KNOWLEDGE_ENDINGS = frozenset({".csv", ".jsonl", ".xlsx"})


def domain_paths(root: Path) -> list[Path]:
    """`domain.yml`, or else the files of the folder `domain`.

    Raises:
        AssistantError: There is neither.
    """
    single = root / "domain.yml"
    if single.exists():
        return [single]
    several = _yaml_paths(root / "domain")
    if not several:
        raise AssistantError(single, None, "there is no domain.yml", "Write one, or a folder domain/ of them.")
    return several


def data_files(root: Path) -> list[YamlFile]:
    """The files of the folder `data`, each a mapping.

    Raises:
        AssistantError: There is none, or one cannot be read.
    """
    paths = _yaml_paths(root / "data")
    if not paths:
        raise AssistantError(root / "data", None, "holds no YAML file", "Write data/nlu.yml.")
    return [_data_file(path) for path in paths]


def knowledge_paths(root: Path) -> tuple[Path, ...]:
    """The files of past answers."""
    return tuple(sorted(path for path in (root / "knowledge").glob("*") if path.suffix in KNOWLEDGE_ENDINGS))


def _data_file(path: Path) -> YamlFile:
    file = read_yaml(path)
    if not isinstance(file.data, dict):
        raise file.error((), "must be a mapping", 'Start with `version: "3.1"` and `nlu:` or `rules:`.')
    return file


def _yaml_paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in {".yml", ".yaml"})
