"""A real sentence encoder on text: hidden states, their norms, and who is near whom, by layer.

    python examples/minilm_states.py [FOLDER]

Eight sentences go through MiniLM. A row for each layer says how long its states are, how like the
layer before, how like the other tokens and the other sentences. With a folder the cosines between
sentences are drawn for the first, the middle and the last layer (needs matplotlib). Needs the
model's package, and says how to get it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from einlab import report, transformer
from einlab.demo.minilm import SENTENCES, find_model, missing
from einlab.extras import require
from einlab.transformer.tokens import tokenize


def draw(cosines: np.ndarray, folder: Path) -> None:
    """Heat maps of the cosines between sentences, for three layers."""
    require("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    layers = (0, len(cosines) // 2, len(cosines) - 1)
    for axes, layer in zip(figure.subplots(1, 3), layers, strict=True):
        image = axes.imshow(cosines[layer], vmin=-0.2, vmax=1, cmap="viridis")
        axes.set_title("embeddings" if layer == 0 else f"after layer {layer}")
    figure.colorbar(image, ax=figure.axes, label="cosine")
    figure.savefig(folder / "sentences.png", dpi=100)


def main(folder: Path | None = None) -> None:
    """Print the states by layer, the nearest sentence of each, and what it all cost."""
    if missing():
        sys.exit("\n".join(missing()))
    encoder = transformer.load_sentence_encoder(Path(str(find_model())))
    sentences = SENTENCES[:8]
    tokens = tokenize(encoder.tokenizer, sentences, encoder.config)
    states = transformer.hidden_states(encoder.weights, tokens, encoder.config)
    print(transformer.layer_table(states, tokens.mask))
    cosines = np.array(transformer.sequence_similarities(states, tokens.mask))
    last = cosines[-1] - 2 * np.eye(len(sentences))
    for place in (0, 2, 4):
        near = int(last[place].argmax())
        print(f"{last[place, near]:.2f}  {sentences[place]}\n      {sentences[near]}")
    print(
        report(
            lambda tokens: transformer.hidden_states(encoder.weights, tokens, encoder.config),
            tokens,
        )
    )
    if folder is not None:
        draw(cosines, folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
