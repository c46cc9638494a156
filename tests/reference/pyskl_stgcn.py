"""ST-GCN with the state-dict names of PYSKL and MMAction2, written from their description, block by block."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GraphConvolution(nn.Module):
    """1x1 convolution to K sets of channels, then y[w] = sum_kv y[k, v] A[k, v, w] PA[k, v, w]."""

    def __init__(self, c_in: int, c_out: int, adjacency: Tensor) -> None:
        super().__init__()
        self.register_buffer('A', adjacency.clone())
        self.PA = nn.Parameter(torch.ones_like(adjacency))
        self.conv = nn.Conv2d(c_in, len(adjacency) * c_out, 1)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        n, _, t, v = x.shape
        y = self.conv(x).view(n, len(self.PA), -1, t, v)
        return torch.relu(self.bn(torch.einsum('nkctv,kvw->nctw', y, self.A * self.PA)))


class Temporal(nn.Module):
    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, (kernel, 1), (stride, 1), (kernel // 2, 0))
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Block(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int, first: bool, adjacency: Tensor) -> None:
        super().__init__()
        self.gcn = GraphConvolution(c_in, c_out, adjacency)
        self.tcn = Temporal(c_out, c_out, 9, stride)
        self.first = first
        if not first and (c_in != c_out or stride != 1):
            self.residual = Temporal(c_in, c_out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.tcn(self.gcn(x))
        if self.first:
            return torch.relu(y)
        return torch.relu(y + (self.residual(x) if hasattr(self, 'residual') else x))


class Backbone(nn.Module):
    def __init__(self, width: int, adjacency: Tensor) -> None:
        super().__init__()
        self.data_bn = nn.BatchNorm1d(3 * adjacency.shape[-1])
        widths = [width] * 4 + [2 * width] * 3 + [4 * width] * 3
        self.gcn = nn.ModuleList(
            Block(c_in, c_out, 2 if i in (4, 7) else 1, i == 0, adjacency)
            for i, (c_in, c_out) in enumerate(zip([3, *widths], widths, strict=False))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V, M) to (N, 4 width)."""
        n, c, t, v, m = x.shape
        y = self.data_bn(x.permute(0, 4, 3, 1, 2).reshape(n * m, v * c, t))
        y = y.view(n * m, v, c, t).permute(0, 2, 3, 1)
        for block in self.gcn:
            y = block(y)
        return y.mean(dim=(2, 3)).view(n, m, -1).mean(dim=1)


class Head(nn.Module):
    def __init__(self, width: int, num_classes: int, name: str) -> None:
        super().__init__()
        self.add_module(name, nn.Linear(width, num_classes))


class Recognizer(nn.Module):
    """Args: the name of the classifier is `fc_cls` in PYSKL and `fc` in MMAction2."""

    def __init__(self, width: int, num_classes: int, adjacency: Tensor, classifier: str = 'fc_cls') -> None:
        super().__init__()
        self.backbone = Backbone(width, adjacency)
        self.cls_head = Head(4 * width, num_classes, classifier)

    def forward(self, x: Tensor) -> Tensor:
        (classifier,) = self.cls_head.children()
        return classifier(self.backbone(x))
