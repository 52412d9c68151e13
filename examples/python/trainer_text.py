"""The Trainer of transformers with a tuned learning rate: a small GPT-2, from its configuration, on the bytes of a text.

    python trainer_text.py --text input.txt --steps 500
    python trainer_text.py                               # on a text of its own, to see it run
"""

import argparse
from pathlib import Path

import torch
import transformers

import onedge.torch


class Trainer(onedge.torch.TrainerMixin, transformers.Trainer):
    """All that there is to it. Everything else is as with any Trainer."""


class Bytes(torch.utils.data.Dataset):
    """A text in pieces."""

    def __init__(self, text, length):
        self.pieces = torch.frombuffer(bytearray(text), dtype=torch.uint8)[: len(text) // length * length].long().view(-1, length)

    def __len__(self):
        return len(self.pieces)

    def __getitem__(self, place):
        return {"input_ids": self.pieces[place], "labels": self.pieces[place]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", help="a file of text")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--parts", type=int, default=2, help="of a batch, one after another: gradient accumulation")
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--folder", default="trained", help="for checkpoints")
    parser.add_argument("--resume", action="store_true", help="from the last checkpoint there")
    options = parser.parse_args()

    rhyme = b"one fish two fish red fish blue fish, this one has a little star, say what a lot of fish there are. " * 200
    text = Path(options.text).read_bytes() if options.text else rhyme
    cut = len(text) * 9 // 10
    transformers.set_seed(0)
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=256, n_positions=options.context, n_embd=options.width, n_layer=options.layers, n_head=4, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
            bos_token_id=None, eos_token_id=None, loss_type="ForCausalLM",
        )
    )  # fmt: skip
    arguments = transformers.TrainingArguments(
        options.folder, max_steps=options.steps, per_device_train_batch_size=options.batch // options.parts, gradient_accumulation_steps=options.parts, weight_decay=0.01,
        logging_steps=max(1, options.steps // 10), save_steps=max(1, options.steps // 2), report_to=[], disable_tqdm=True,
    )  # fmt: skip
    trainer = Trainer(model, arguments, train_dataset=Bytes(text[:cut], options.context), eval_dataset=Bytes(text[cut:][:20000], options.context))
    trainer.train(resume_from_checkpoint=options.resume)

    logged = [line for line in trainer.state.log_history if "loss" in line]
    print(f"{trainer.state.global_step} steps: the loss went from {logged[0]['loss']:.3f} to {logged[-1]['loss']:.3f}")
    print("learning rates that were found: " + ", ".join(f"{line['learning_rate']:.1e}" for line in logged))
    print(f"loss on text it has not seen: {trainer.evaluate()['eval_loss']:.3f} (guessing among all bytes: {torch.tensor(256.0).log():.3f})")


if __name__ == "__main__":
    main()
