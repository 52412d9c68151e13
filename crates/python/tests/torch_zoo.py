"""Models that people train in PyTorch, small: for each the model, its loss and a batch."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

ZOO = {}


def model(function):
    ZOO[function.__name__] = function
    return function


def classifier(model, *shape, classes=10, train=False, seed=0):
    """A model in a mode with cross-entropy on random inputs."""
    draws = torch.Generator().manual_seed(seed)
    inputs = torch.randn(*shape, generator=draws)
    return model.train(train), nn.CrossEntropyLoss(), (inputs, torch.randint(0, classes, shape[:1], generator=draws))


def vision(name, **options):
    return getattr(pytest.importorskip("torchvision").models, name)(num_classes=10, **options)


def narrow(model, keep):
    """A model whose stages have their first blocks alone."""
    for name, stage in model.named_children():
        if isinstance(stage, nn.Sequential) and len(stage) > keep and name.startswith("layer"):
            setattr(model, name, stage[:keep])
    return model


@model
def mlp_with_dropout():
    layers = [nn.Linear(12, 16), nn.GELU(), nn.Dropout(0.3), nn.Linear(16, 16), nn.LeakyReLU(0.1), nn.LayerNorm(16), nn.Linear(16, 10)]
    net, _, batch = classifier(nn.Sequential(*layers), 8, 12, train=True)
    return net, nn.CrossEntropyLoss(label_smoothing=0.1, weight=torch.linspace(0.5, 2, 10), ignore_index=3), batch


@model
def resnet18_in_eval_mode():
    return classifier(narrow(vision("resnet18"), 1), 2, 3, 32, 32)


@model
def resnet18_in_train_mode():
    return classifier(narrow(vision("resnet18"), 1), 4, 3, 32, 32, train=True)


@model
def resnet50():
    return classifier(narrow(vision("resnet50", width_per_group=16), 1), 3, 3, 32, 32, train=True)


@model
def convnext():
    block = pytest.importorskip("torchvision").models.convnext.CNBlockConfig
    net = pytest.importorskip("torchvision").models.ConvNeXt([block(12, 24, 1), block(24, None, 2)], stochastic_depth_prob=0.2, num_classes=10)
    return classifier(net, 2, 3, 32, 32, train=True)


@model
def vision_transformer():
    net = pytest.importorskip("torchvision").models.VisionTransformer(16, 8, 2, 2, 16, 32, dropout=0.1, num_classes=10)
    return classifier(net, 3, 3, 16, 16, train=True)


@model
def efficientnet():
    models = pytest.importorskip("torchvision").models.efficientnet
    stages = [models.MBConvConfig(1, 3, 1, 8, 8, 1), models.MBConvConfig(4, 5, 2, 8, 16, 2)]
    return classifier(models.EfficientNet(stages, dropout=0.2, num_classes=10, last_channel=32), 3, 3, 32, 32, train=True)


@model
def mobilenet_v3():
    models = pytest.importorskip("torchvision").models.mobilenetv3
    stages = [
        models.InvertedResidualConfig(16, 3, 16, 16, True, "RE", 2, 1, 1),
        models.InvertedResidualConfig(16, 5, 24, 24, True, "HS", 2, 1, 1),
        models.InvertedResidualConfig(24, 5, 24, 24, False, "HS", 1, 2, 1),
    ]
    return classifier(models.MobileNetV3(stages, 32, num_classes=10), 3, 3, 32, 32, train=False)


@model
def densenet():
    net = pytest.importorskip("torchvision").models.DenseNet(4, (2, 2), 8, num_classes=10)
    return classifier(net, 3, 3, 32, 32, train=True)


@model
def shufflenet():
    net = pytest.importorskip("torchvision").models.ShuffleNetV2([2, 1, 1], [8, 16, 24, 32, 48], num_classes=10)
    return classifier(net, 3, 3, 32, 32, train=True)


@model
def unet():
    def block(before, after):
        return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True))

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.ModuleList([block(2, 6), block(6, 8), block(8, 10)])
            self.up = nn.ModuleList([nn.ConvTranspose2d(10, 8, 2, 2), nn.ConvTranspose2d(8, 6, 3, 2, padding=1, output_padding=1)])
            self.join = nn.ModuleList([block(16, 8), block(12, 6)])
            self.head = nn.Conv2d(6, 3, 1)

        def forward(self, x):
            first = self.down[0](x)
            second = self.down[1](F.max_pool2d(first, 2))
            x = self.down[2](F.avg_pool2d(second, 2))
            x = self.join[0](torch.cat([self.up[0](x), second], 1))
            x = self.join[1](torch.cat([self.up[1](x), first], 1))
            return F.interpolate(self.head(x), scale_factor=2, mode="bilinear", align_corners=False)

    draws = torch.Generator().manual_seed(1)
    batch = torch.randn(2, 2, 16, 12, generator=draws), torch.randint(0, 3, (2, 32, 24), generator=draws)
    return UNet(), nn.CrossEntropyLoss(ignore_index=0), batch


@model
def mixer():
    timm = pytest.importorskip("timm")
    net = timm.models.mlp_mixer.MlpMixer(num_classes=10, img_size=16, patch_size=4, num_blocks=2, embed_dim=12)
    return classifier(net, 3, 3, 16, 16)


@model
def swin():
    timm = pytest.importorskip("timm")
    sizes = {"img_size": 32, "patch_size": 2, "window_size": 4, "embed_dim": 8, "depths": (2, 2), "num_heads": (2, 2)}
    return classifier(timm.models.SwinTransformer(num_classes=10, **sizes), 2, 3, 32, 32)


class Recurrent(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.embed, self.layer = nn.Embedding(11, 6, padding_idx=0), layer
        self.head = nn.LazyLinear(10)

    def forward(self, words):
        outputs, _ = self.layer(self.embed(words))
        return self.head(outputs[:, -1])


def text(net, n=4, steps=7):
    words = torch.randint(0, 11, (n, steps), generator=torch.Generator().manual_seed(2))
    net(words)
    return net, nn.CrossEntropyLoss(), (words, torch.arange(n) % 10)


@model
def lstm():
    return text(Recurrent(nn.LSTM(6, 5, 2, batch_first=True, dropout=0.3, bidirectional=True)))


@model
def gru():
    return text(Recurrent(nn.GRU(6, 5, 2, batch_first=True)))


@model
def recurrent_of_tanh_and_cells():
    class Cells(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.cell, self.head = nn.RNN(6, 5, bidirectional=True), nn.LSTMCell(10, 4), nn.Linear(4, 3)

        def forward(self, x):
            x, _ = self.rnn(x)
            state = x.new_zeros(x.shape[1], 4), x.new_zeros(x.shape[1], 4)
            for step in x:
                state = self.cell(step, state)
            return self.head(state[0])

    draws = torch.Generator().manual_seed(3)
    return Cells(), nn.HuberLoss(), (torch.randn(5, 4, 6, generator=draws), torch.randn(4, 3, generator=draws))


@model
def transformer():
    class Translator(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Embedding(11, 8), nn.Linear(8, 11)
            self.inner = nn.Transformer(8, 2, 1, 1, 16, dropout=0.1, batch_first=True)

        def forward(self, pair):
            source, target = pair
            mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1], dtype=self.head.weight.dtype)
            hidden = self.inner(self.embed(source), self.embed(target), tgt_mask=mask, src_key_padding_mask=source == 0)
            return self.head(hidden).transpose(1, 2)

    draws = torch.Generator().manual_seed(4)
    source, target = (torch.randint(1, 11, (3, n), generator=draws) for n in (6, 5))
    source[0, 4:] = 0
    return Translator(), nn.CrossEntropyLoss(), ((source, target), target.roll(-1, 1))


def language(name, config, **options):
    transformers = pytest.importorskip("transformers")
    config = getattr(transformers, config)(vocab_size=17, **options)
    net = getattr(transformers, name)(config)
    words = torch.randint(0, 17, (2, 6), generator=torch.Generator().manual_seed(5))
    return net, lambda net, words: net(input_ids=words, labels=words).loss, words


@model
def gpt2():
    net, loss, words = language("GPT2LMHeadModel", "GPT2Config", n_embd=8, n_layer=2, n_head=2, n_positions=8, bos_token_id=0, eos_token_id=0)
    return net.train(), loss, words


@model
def llama():
    sizes = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    return language("LlamaForCausalLM", "LlamaConfig", max_position_embeddings=8, **sizes)


@model
def bert():
    sizes = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2}
    net, _, words = language("BertForMaskedLM", "BertConfig", max_position_embeddings=8, **sizes)
    mask = torch.ones_like(words)
    mask[0, 4:] = 0
    labels = words.masked_fill(mask == 0, -100)
    return net.train(), lambda net, batch: net(**batch).loss, {"input_ids": words, "attention_mask": mask, "labels": labels}


@model
def variational_autoencoder():
    class Auto(nn.Module):
        def __init__(self):
            super().__init__()
            self.encode, self.decode = nn.Linear(8, 6), nn.Sequential(nn.Linear(3, 8), nn.Softplus(), nn.Linear(8, 8))

        def forward(self, x):
            mean, log_variance = self.encode(x).chunk(2, 1)
            hidden = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
            return self.decode(hidden), mean, log_variance

    def loss(net, x):
        out, mean, log_variance = net(x)
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        return (F.binary_cross_entropy_with_logits(out, x, reduction="sum") + divergence) / len(x)

    return Auto(), loss, torch.rand(5, 8, generator=torch.Generator().manual_seed(6))


@model
def audio_net():
    layers = [nn.Conv1d(2, 6, 5, stride=2, padding=2), nn.PReLU(6), nn.Conv1d(6, 8, 3, dilation=2, groups=2, padding="same")]
    layers += [nn.InstanceNorm1d(8), nn.ELU(), nn.MaxPool1d(3, 2, ceil_mode=True), nn.ConvTranspose1d(8, 4, 4, 2, 1)]
    layers += [nn.AdaptiveAvgPool1d(3), nn.Flatten(), nn.Linear(12, 10)]
    return classifier(nn.Sequential(*layers), 3, 2, 31)


@model
def video_net():
    layers = [nn.Conv3d(2, 4, (3, 3, 2), stride=(1, 2, 1), padding=(1, 1, 0)), nn.BatchNorm3d(4), nn.Hardswish(), nn.MaxPool3d(2)]
    layers += [nn.Conv3d(4, 6, 2, groups=2), nn.SiLU(), nn.ConvTranspose3d(6, 3, 2, (2, 1, 1)), nn.AvgPool3d(2, 1)]
    layers += [nn.Flatten(), nn.LazyLinear(10)]
    net, loss, batch = classifier(nn.Sequential(*layers), 3, 2, 5, 9, 7, train=True)
    net(batch[0])
    return net, loss, batch


@model
def discriminator():
    layers = [nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2), nn.utils.parametrizations.spectral_norm(nn.Conv2d(6, 8, 4, 2, 1)), nn.InstanceNorm2d(8, affine=True), nn.Mish()]
    layers += [nn.ReflectionPad2d(1), nn.Conv2d(8, 1, 3), nn.Flatten()]
    net = nn.Sequential(*layers)

    def loss(net, batch):
        real, fake = batch
        return F.softplus(-net(real)).mean() + F.relu(1 + net(fake)).mean() + 0.1 * (net(real) - net(fake).detach()).abs().mean()

    draws = torch.Generator().manual_seed(7)
    return net, loss, tuple(torch.randn(2, 3, 16, 16, generator=draws) for _ in range(2))


@model
def pointnet():
    class Points(nn.Module):
        def __init__(self):
            super().__init__()
            self.each = nn.Sequential(nn.Conv1d(3, 8, 1), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 12, 1))
            self.head = nn.Linear(12, 10)

        def forward(self, x):
            return self.head(torch.max(self.each(x), 2)[0])

    return classifier(Points(), 4, 3, 9, train=True)


@model
def graph_network():
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.message, self.update = nn.Linear(8, 4), nn.Linear(8, 4)

        def forward(self, nodes, edges):
            source, target = edges
            messages = torch.tanh(self.message(torch.cat([nodes[source], nodes[target]], 1)))
            total = torch.zeros_like(nodes).index_add_(0, target, messages)
            mean = torch.zeros_like(nodes).scatter_reduce(0, target[:, None].expand_as(messages), messages, "mean", include_self=False)
            return nodes + self.update(torch.cat([total, mean], 1))

    class Graph(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers, self.head = nn.ModuleList([Layer(), Layer()]), nn.Linear(4, 3)

        def forward(self, graph):
            nodes, edges = graph
            for layer in self.layers:
                nodes = layer(nodes, edges)
            return self.head(nodes)

    draws = torch.Generator().manual_seed(8)
    edges = torch.randint(0, 7, (2, 15), generator=draws)
    return Graph(), nn.CrossEntropyLoss(), ((torch.randn(7, 4, generator=draws), edges), torch.arange(7) % 3)


@model
def matrix_factorisation():
    class Factors(nn.Module):
        def __init__(self):
            super().__init__()
            self.users, self.items, self.bias = nn.Embedding(6, 3), nn.Embedding(5, 3), nn.Parameter(torch.zeros(()))

        def forward(self, pairs):
            return (self.users(pairs[:, 0]) * self.items(pairs[:, 1])).sum(1) + self.bias

    draws = torch.Generator().manual_seed(9)
    pairs = torch.stack([torch.randint(0, n, (12,), generator=draws) for n in (6, 5)], 1)
    return Factors(), nn.SmoothL1Loss(), (pairs, torch.randn(12, generator=draws))


@model
def contrastive_with_a_frozen_trunk():
    trunk = nn.Sequential(nn.Linear(6, 8), nn.ReLU()).requires_grad_(False)
    net = nn.Sequential(trunk, nn.Linear(8, 4))

    def loss(net, batch):
        one, two = (F.normalize(net(x), dim=1) for x in batch)
        scores = torch.einsum("ik,jk->ij", one, two) / 0.2
        return F.cross_entropy(scores, torch.arange(len(scores)))

    draws = torch.Generator().manual_seed(10)
    return net, loss, tuple(torch.randn(6, 6, generator=draws) for _ in range(2))
