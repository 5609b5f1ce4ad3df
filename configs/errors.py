"""The errors that a person can mend, all under one root.

    KefuError                     the root: everything Kefu raises on purpose
    ├── AssistantError            a file of an assistant is wrong: says file, line, problem and fix
    ├── SettingsError             an environment variable or a command-line value is wrong
    ├── training.manifest.ReleaseError      a release is missing, damaged or altered
    ├── nlu.checkpoint.CheckpointError      an encoder cannot be found or loaded
    ├── nlu.mood.MoodError                  the mood head's weights, or texts it learns from, are missing or damaged
    ├── retrieval.knowledge_store.KnowledgeStoreError   past answers cannot be read or written
    │   └── retrieval.knowledge_store.UnknownVersion    a pair never had the version that was asked for
    ├── retrieval.knowledge_store.VersionConflict       a pair was changed since the version an edit was made from
    ├── retrieval.proposals.ProposalError   a mined proposal cannot be found, read or decided on
    ├── training.export.ExportError         the exported graph does not say what the model does
    ├── training.run_log.RunLogError        a training's curves cannot be written or sent
    ├── training.refresh.lock.RefreshUnderWay   another refresh of the same data folder runs
    ├── training.tune.TuneError             a search for settings cannot go on
    ├── bot.actions.result.ActionFailed     a custom action crashed, took too long, or answered what cannot be used
    ├── bot.actions.result.ActionRejected   a custom action would not run, so that something else may
    ├── bot.stores.errors.StoreError        the conversation store cannot be opened, read or written
    │   └── bot.stores.errors.StoreInUse        another process has it open
    ├── bot.stores.errors.StoreRefusal      the store is well, but will not write what it was given
    │   ├── bot.stores.errors.LeaseLost         the conversation was taken over, changed or erased meanwhile
    │   └── bot.stores.errors.AlreadyAnswered   a message with this id was answered before
    └── bot.errors.Refused                  a request that will not be served, and its HTTP status

A message says which value was wrong and what to do about it.
"""

from pathlib import Path


class KefuError(Exception):
    """Something went wrong that a person can mend; the message says how."""


class SettingsError(KefuError):
    """A setting has a value that cannot be used."""


class AssistantError(KefuError):
    """A file of an assistant cannot be used.

    Args:
        path: The file.
        line: 1-based line in it, or None where the whole file is meant.
        problem: What is wrong, with the offending value.
        fix: What the reader should do.
    """

    def __init__(self, path: Path, line: int | None, problem: str, fix: str) -> None:
        self.path, self.line, self.problem, self.fix = path, line, problem, fix
        place = str(path) if line is None else f"{path}:{line}"
        super().__init__(f"{place}: {problem}. {fix}")
