"""Lightning with a tuned learning rate: manual optimization, in which training_step gives the loss to the optimizer as a closure.

    python lightning_cifar.py
    python lightning_cifar.py --resume checkpoints/last.ckpt
"""

import argparse

import lightning
import torch
from torch import nn
from torch.nn import functional as F

import cifar
import onedge.torch


class Classifier(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        # The one line that turns it on: Lightning's automatic optimization would call backward itself.
        self.automatic_optimization = False
        self.network = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.GroupNorm(4, 16), nn.GELU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GroupNorm(4, 32), nn.GELU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 10),
        )  # fmt: skip

    def loss(self, batch):
        images, labels = batch
        return F.cross_entropy(self.network(images), labels)

    def training_step(self, batch, _):
        optimizer = self.optimizers()
        loss = optimizer.step(lambda: self.loss(batch))
        self.log_dict({"loss": loss, "learning_rate": optimizer.param_groups[0]["lr"]}, prog_bar=True)

    def validation_step(self, batch, _):
        images, labels = batch
        self.log("accuracy", (self.network(images).argmax(1) == labels).float().mean(), prog_bar=True)

    def configure_optimizers(self):
        return onedge.torch.Tuned(self.parameters(), steps=int(self.trainer.estimated_stepping_batches))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a folder with the files of CIFAR-10; stripes without it")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=-1, help="end after so many steps")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--test-images", type=int)
    parser.add_argument("--folder", default="checkpoints")
    parser.add_argument("--resume", help="a checkpoint")
    options = parser.parse_args()

    lightning.seed_everything(0, verbose=False)
    sets = [torch.utils.data.TensorDataset(*cifar.load(options.data, train=train, limit=None if train else options.test_images)) for train in (True, False)]
    train, test = (torch.utils.data.DataLoader(part, batch_size=options.batch, shuffle=shuffle) for part, shuffle in zip(sets, (True, False)))
    trainer = lightning.Trainer(
        max_epochs=options.epochs, max_steps=options.steps, accelerator="auto", devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[lightning.pytorch.callbacks.ModelCheckpoint(options.folder, save_last=True)],
    )  # fmt: skip
    model = Classifier()
    trainer.fit(model, train, test, ckpt_path=options.resume)
    found = trainer.callback_metrics
    print(f"{trainer.global_step} steps; the loss of the last one {found['loss']:.3f}, its learning rate {found['learning_rate']:.2e}, found by the tuner")
    if "accuracy" in found:
        print(f"of images it has not seen, it classifies {100 * found['accuracy']:.1f} % correctly (guessing: 10 %)")
    print(f"the checkpoint in {options.folder} has the optimizer's state in it: --resume goes on from there")


if __name__ == "__main__":
    main()
