"""The sizes of the demo clip-art model, on top of demo-vlm's llava layout, and the path to its modules."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo-vlm"))
import llava  # noqa: E402

import scenes  # noqa: E402

VOCABULARY = 581
CONFIG = {
    **llava.CONFIG,
    "image_token_index": VOCABULARY - 1,
    "image_seq_length": (scenes.SIZE // scenes.PATCH) ** 2,
    "vocab_size": VOCABULARY,
    "torch_dtype": "float16",
    "text_config": {**llava.CONFIG["text_config"], "vocab_size": VOCABULARY, "intermediate_size": 320, "num_hidden_layers": 8,
                    "torch_dtype": "float16"},
    "vision_config": {**llava.CONFIG["vision_config"], "image_size": scenes.SIZE, "patch_size": scenes.PATCH, "hidden_size": 128,
                      "intermediate_size": 384, "num_hidden_layers": 4, "projection_dim": 128},
}
