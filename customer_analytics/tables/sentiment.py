"""Transcripts of calls, and the sentiment of calls and comments."""

from customer_analytics.tables.model import Column, SqlType, Table, identifier

TRANSCRIPT_STATUSES = ("ok", "empty", "failed")

CALL_TRANSCRIPTS = Table(
    "CALL_TRANSCRIPTS",
    "One row per support call: its transcript, or the reason why there is none.",
    (
        identifier("CUSTOMER_ID", "Customer who called; null if unknown.", nullable=True),
        Column(
            "RELATIVE_PATH",
            SqlType.TEXT,
            "Path of the file below the source's calls folder.",
            nullable=False,
        ),
        Column("AUDIO_HASH", SqlType.TEXT, "SHA-256 of the audio, in hexadecimal.", nullable=False),
        Column("TRANSCRIPT", SqlType.TEXT, "What was said; null unless STATUS is ok."),
        Column("LANGUAGE", SqlType.TEXT, "ISO 639-1 code of the language spoken."),
        Column("DURATION_SECONDS", SqlType.FLOAT, "Length of the audio; null if it cannot be read."),
        Column(
            "STATUS",
            SqlType.TEXT,
            "ok, empty (no speech) or failed (not readable).",
            nullable=False,
            accepted=TRANSCRIPT_STATUSES,
        ),
        Column(
            "ERROR",
            SqlType.TEXT,
            "Why the call could not be transcribed, or how many seconds of audio are missing; otherwise null.",
        ),
        Column("MODEL", SqlType.TEXT, "Speech model that transcribed the call.", nullable=False),
        Column("TRANSCRIBED_AT", SqlType.TIMESTAMP, "When the call was transcribed, in UTC.", nullable=False),
    ),
    key=("RELATIVE_PATH",),
)

_SENTIMENT = Column(
    "SENTIMENT",
    SqlType.FLOAT,
    "Probability that the text is positive, from 0 to 1; null if there is no classifier.",
    between=(0, 1),
)
_VERSION = Column(
    "MODEL_VERSION",
    SqlType.TEXT,
    "Version of the classifier in the registry; SHIPPED_… is the shipped classifier.",
)
_VECTOR = Column("VECTOR_ID", SqlType.TEXT, "Identifies the vector in its collection.", nullable=False)

PRED_TWITTER_COMMENTS = Table(
    "PRED_TWITTER_COMMENTS",
    "One row per comment: its sentiment according to the classifier.",
    (
        identifier("CUSTOMER_ID", "Customer who wrote; null if the source names none.", nullable=True),
        Column("DATE", SqlType.DATE, "Day of the comment.", nullable=False),
        Column("REVIEW_TEXT", SqlType.TEXT, "What the customer wrote.", nullable=False),
        _SENTIMENT,
        Column(
            "IS_OUT_OF_FOLD",
            SqlType.BOOLEAN,
            "Whether the text is a training text, scored by the fold that did not see it.",
            nullable=False,
        ),
        _VERSION,
        _VECTOR,
    ),
    key=("VECTOR_ID",),
)

PRED_CUSTOMER_CALLS = Table(
    "PRED_CUSTOMER_CALLS",
    "One row per transcribed call: its sentiment according to the classifier.",
    (
        identifier("CUSTOMER_ID", "Customer who called; null if unknown.", nullable=True),
        Column(
            "RELATIVE_PATH",
            SqlType.TEXT,
            "Path of the file below the source's calls folder.",
            nullable=False,
        ),
        Column("TRANSCRIPT", SqlType.TEXT, "What was said.", nullable=False),
        _SENTIMENT,
        _VERSION,
        _VECTOR,
    ),
    key=("VECTOR_ID",),
)

TABLES = (CALL_TRANSCRIPTS, PRED_TWITTER_COMMENTS, PRED_CUSTOMER_CALLS)
