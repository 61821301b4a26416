"""Audio files of all kinds, written with PyAV."""

from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt


def write_audio(
    path: Path,
    samples: npt.NDArray[np.int16],
    rate: int,
    codec: str,
    tags: Mapping[str, str] | None = None,
    **options: str,
) -> Path:
    """Write mono samples with the codec, in the container that the suffix names."""
    encoded_rate = 48_000 if codec == "libopus" else rate
    with av.open(str(path), "w", options=options) as target:
        target.metadata.update(tags or {})
        stream = target.add_stream(codec, rate=encoded_rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.rate = rate
        resampler = av.AudioResampler(stream.format, "mono", encoded_rate, frame_size=stream.frame_size)
        for given in (frame, None):
            for resampled in resampler.resample(given):
                target.mux(stream.encode(resampled))
        target.mux(stream.encode(None))
    return path
