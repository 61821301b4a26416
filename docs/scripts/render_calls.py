"""Render the scripts of the sample calls as speech; needed only when a script changes.

It takes kokoro-onnx, a Kokoro-82M model file and a folder of its voices, none of which is a dependency here:
calls/README.md says which were used. Then

    python docs/scripts/render_calls.py MODEL.onnx VOICES_FOLDER

writes a recording beside each script that has none.
"""

import re
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

CALLS = Path(__file__).parents[2] / "customer_analytics" / "sample_data" / "calls"
# Who answers introduces herself or himself; who does not is the last one.
AGENTS = {"Maya": "af_heart", "Priya": "bf_emma", "Tom": "am_michael", "Daniel": "bm_george", "": "af_sarah"}
CALLERS = ("bf_isabella", "am_fenrir", "af_bella", "bm_fable", "af_kore", "am_puck", "af_aoede", "bm_lewis")
PAUSE_SECONDS = 0.35
TELEPHONE_RATE = 8_000
BITS_PER_SECOND = 12_000


def main(model: Path, voices_folder: Path) -> None:
    """Render the scripts that have no recording."""
    from kokoro_onnx import Kokoro  # type: ignore[import-not-found]

    styles = {
        name: np.fromfile(voices_folder / f"{name}.bin", np.float32).reshape(-1, 1, 256)
        for name in (*AGENTS.values(), *CALLERS)
    }
    with tempfile.NamedTemporaryFile(suffix=".npz") as voices:
        np.savez(voices, allow_pickle=False, **styles)
        voices.flush()
        kokoro = Kokoro(str(model), voices.name)
    for number, script in enumerate(sorted(CALLS.glob("*.txt"))):
        recording = script.with_suffix(".opus")
        if recording.exists():
            continue
        lines = re.findall("^(Agent|Caller): (.+)$", script.read_text(), re.MULTILINE)
        voice_of = {
            "Agent": next(voice for name, voice in AGENTS.items() if name in lines[0][1]),
            "Caller": CALLERS[number % len(CALLERS)],
        }
        turns = [kokoro.create(text, voice=voice_of[speaker], lang="en-us") for speaker, text in lines]
        rate = turns[0][1]
        pause = np.zeros(int(PAUSE_SECONDS * rate), np.float32)
        encode(np.concatenate([part for samples, _ in turns for part in (samples, pause)]), rate, recording)
        print(recording.name)


def encode(samples: npt.NDArray[np.float32], rate: int, path: Path) -> None:
    """Write samples (-1 to 1, mono) as Opus of telephone quality."""
    frame = av.AudioFrame.from_ndarray(samples.astype(np.float32).reshape(1, -1), format="flt", layout="mono")
    frame.rate = rate
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libopus", rate=TELEPHONE_RATE, layout="mono", options={"application": "voip"})
        stream.bit_rate = BITS_PER_SECOND
        resampler = av.AudioResampler("s16", "mono", TELEPHONE_RATE, frame_size=stream.frame_size)
        for given in (frame, None):
            for resampled in resampler.resample(given):
                target.mux(stream.encode(resampled))
        target.mux(stream.encode(None))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
