"""Log lines: structured, to standard error, and never with what a customer wrote."""

import logging
import sys
import traceback

import structlog

from configs.settings import LogFormat, Settings


def set_up_logging(settings: Settings) -> None:
    """Makes structlog write as the settings say, and the libraries' own loggers through it."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    level = logging.getLevelNamesMapping()[settings.log_level.value.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(where_raised),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    if not any(isinstance(handler, _Libraries) for handler in logging.root.handlers):
        logging.root.addHandler(_Libraries())


def where_raised(exc_info: structlog.typing.ExcInfo) -> str:
    """A traceback of types and lines of code only: an error's message may quote what a customer wrote."""
    parts = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{type(error).__module__}.{type(error).__qualname__} from\n{frames}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "because of ".join(parts).rstrip()


class _Libraries(logging.Handler):
    """Passes on what aiohttp and asyncio complain of, again without anything that was filled in."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno,
            "library_message",
            library=record.name,
            message=str(record.msg).partition("\n")[0],
            exc_info=record.exc_info,
        )
