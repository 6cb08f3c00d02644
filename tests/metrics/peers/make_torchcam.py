"""Write `torchcam.npz`: a tiny network, pictures, its Grad-CAMs, and what torch-cam's metric says.

    python -m tests.metrics.peers.make_torchcam      (needs torch and torchcam)

Only the figures are kept, so that the tests need neither.
"""

from pathlib import Path

import numpy as np

FIGURES = Path(__file__).with_name("torchcam.npz")
SIZE = (24, 32)
PICTURES = 24
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main() -> None:
    import torch
    from torch import nn
    from torchcam.methods import GradCAM
    from torchcam.metrics import ClassificationMetric

    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2),
        nn.Tanh(),
        nn.Conv2d(6, 8, 3, stride=2),
        nn.Tanh(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    ).eval()
    with torch.no_grad():
        model[-1].weight *= 12
    random = np.random.default_rng(3)
    blocks = random.uniform(0, 255, (PICTURES, 4, 4, 3))
    pixels = np.kron(blocks, np.ones((1, SIZE[0] // 4, SIZE[1] // 4, 1))).astype(np.float32)
    scaled = (pixels / 255 - MEAN) / DEVIATION
    extractor = GradCAM(model, target_layer=model[3])
    metric = ClassificationMetric(extractor, lambda logits: logits.softmax(-1))
    told: dict[str, list] = {name: [] for name in ("heatmaps", "answers", "drops", "increases")}
    for picture in scaled:
        inputs = torch.tensor(np.moveaxis(picture, -1, 0)[None], dtype=torch.float32)
        scores = model(inputs).softmax(-1)  # the metric's maps are those of the probability
        answer = int(scores.argmax())
        (heatmap,) = extractor(answer, scores, normalized=False)
        metric.reset()
        metric.update(inputs, answer)
        found = metric.summary()
        told["heatmaps"].append(heatmap[0].detach().numpy())
        told["answers"].append(answer)
        told["drops"].append(found["avg_drop"])
        told["increases"].append(found["conf_increase"])
    weights = [
        np.moveaxis(each.detach().numpy(), (0, 1), (-1, -2)) for each in model.parameters()
        if each.ndim > 1
    ]  # fmt: skip
    biases = [each.detach().numpy() for each in model.parameters() if each.ndim == 1]
    arrays = [array for pair in zip(weights, biases, strict=True) for array in pair]
    named = {f"weight_{number}": array for number, array in enumerate(arrays)}
    np.savez_compressed(
        FIGURES, pixels=pixels, **{k: np.array(v) for k, v in told.items()}, **named
    )
    print({name: np.round(values, 3) for name, values in told.items() if name != "heatmaps"})


if __name__ == "__main__":
    main()
