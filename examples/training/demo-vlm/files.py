"""Write the files of the model folder that need no training: tokenizer, processor and generation settings.

    python3 files.py ../../models/demo-vlm
"""
import json
import os
import sys

import llava
import vocabulary


def write(folder, config):
    os.makedirs(folder, exist_ok=True)
    tok = vocabulary.build(1, config["vocab_size"])
    if tok.image != config["image_token_index"] or tok.image + 1 != config["vocab_size"]:
        raise SystemExit(f"the vocabulary has {tok.image + 1} tokens")
    size, patch = config["vision_config"]["image_size"], config["vision_config"]["patch_size"]
    written = {
        "tokenizer.json": tok.to_json(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "processor_class": "LlavaProcessor", "model_max_length": 512,
            "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "image_token": vocabulary.IMAGE_TOKEN,
            "add_bos_token": True, "add_eos_token": False, "add_prefix_space": False,
            "clean_up_tokenization_spaces": False, "chat_template": vocabulary.CHAT_TEMPLATE},
        "generation_config.json": {"_from_model_config": True, "bos_token_id": vocabulary.BOS,
                                   "eos_token_id": vocabulary.EOS, "pad_token_id": vocabulary.PAD, "do_sample": False},
        "preprocessor_config.json": {
            "image_processor_type": "CLIPImageProcessor", "processor_class": "LlavaProcessor",
            "do_convert_rgb": True, "do_resize": True, "size": {"shortest_edge": size}, "resample": 3,
            "do_center_crop": True, "crop_size": {"height": size, "width": size},
            "do_rescale": True, "rescale_factor": 0.00392156862745098,
            "do_normalize": True, "image_mean": llava.MEAN, "image_std": llava.STD},
        "processor_config.json": {
            "processor_class": "LlavaProcessor", "image_token": vocabulary.IMAGE_TOKEN, "patch_size": patch,
            "num_additional_image_tokens": 1,
            "vision_feature_select_strategy": config["vision_feature_select_strategy"]},
    }
    for name, value in written.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(json.dumps(value, ensure_ascii=False, indent=1 if name == "tokenizer.json" else 2) + "\n")


if __name__ == "__main__":
    write(sys.argv[1], llava.CONFIG)
