"""The small net against torch's, with the same weights."""

from itertools import pairwise

import pytest
import torch

from labkit.scalar import MLP, SGD, Value

F64 = torch.float64
POINTS = [(0.3, -0.8), (-1.1, 0.4), (0.05, 0.9)]
TARGETS = [1.0, -1.0, 0.5]


def torch_twin(net: MLP) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    weights = iter(net.get_weights())
    for fan_in, width in pairwise(net.sizes):
        linear = torch.nn.Linear(fan_in, width, dtype=F64)
        rows = [[next(weights) for _ in range(fan_in + 1)] for _ in range(width)]
        with torch.no_grad():
            linear.weight.copy_(torch.tensor([row[:-1] for row in rows], dtype=F64))
            linear.bias.copy_(torch.tensor([row[-1] for row in rows], dtype=F64))
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def torch_weights(twin: torch.nn.Sequential) -> list[float]:
    linears = [layer for layer in twin if isinstance(layer, torch.nn.Linear)]
    return [x for layer in linears for x in torch.cat([layer.weight, layer.bias[:, None]], 1).flatten().tolist()]


def test_the_net_and_its_sgd_steps_match_torch():
    net = MLP([2, 5, 4, 1], seed=3)
    twin = torch_twin(net)
    optimizer, torch_optimizer = SGD(net.parameters, lr=0.3), torch.optim.SGD(twin.parameters(), lr=0.3)
    inputs, targets = torch.tensor(POINTS, dtype=F64), torch.tensor(TARGETS, dtype=F64)
    for _ in range(3):  # a gradient that is not zeroed shows at the second step
        loss = sum((net(p)[0] - t) ** 2 for p, t in zip(POINTS, TARGETS, strict=True)) / 3
        torch_loss = ((twin(inputs).squeeze(1) - targets) ** 2).mean()
        assert loss.data == pytest.approx(torch_loss.item(), rel=1e-12)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        torch_optimizer.zero_grad()
        torch_loss.backward()
        torch_optimizer.step()
        assert net.get_weights() == pytest.approx(torch_weights(twin), rel=1e-12)


@pytest.mark.parametrize("width", [1, 2])
def test_the_outputs_are_a_list_as_wide_as_the_last_layer(width):
    net = MLP([2, 3, width], seed=1)
    outputs = net(POINTS[0])
    expected = torch_twin(net)(torch.tensor(POINTS[0], dtype=F64))
    assert [v.data for v in outputs] == pytest.approx(expected.tolist(), rel=1e-12)


def test_inputs_may_be_values():
    net = MLP([2, 3, 1])
    x, y = Value(0.3), Value(-0.8)
    net([x, y])[0].backward()
    point = torch.tensor([0.3, -0.8], dtype=F64, requires_grad=True)
    torch_twin(net)(point).backward()
    assert [x.grad, y.grad] == pytest.approx(point.grad.tolist(), rel=1e-12)


def test_the_learning_rate_may_change_between_steps():
    p = Value(1.0)
    p.grad = 2.0
    optimizer = SGD([p], lr=0.1)
    optimizer.lr = 0.25
    optimizer.step()
    assert p.data == 0.5


def test_weights_round_trip():
    net, other = MLP([2, 3, 1], seed=1), MLP([2, 3, 1], seed=2)
    assert other.get_weights() != net.get_weights()
    other.set_weights(net.get_weights())
    assert other.get_weights() == net.get_weights()
    assert other(POINTS[0])[0].data == net(POINTS[0])[0].data


def test_the_seed_decides_the_weights_and_the_bound_their_size():
    net = MLP([2, 8, 8, 1], seed=7)
    assert len(net.parameters) == 105
    assert net.get_weights() == MLP([2, 8, 8, 1], seed=7).get_weights()
    assert max(abs(w.data) for *weights, _ in net.layers[1] for w in weights) <= (3 / 8) ** 0.5
    assert all(bias.data == 0 for layer in net.layers for *_, bias in layer)


@pytest.mark.parametrize("sizes", [[], [2], [2, 0, 1], [2, -3, 1]])
def test_sizes_must_be_two_or_more_positive_widths(sizes):
    with pytest.raises(ValueError, match="two or more positive widths"):
        MLP(sizes)


def test_the_number_of_inputs_and_of_weights_is_checked():
    net = MLP([2, 3, 1])
    with pytest.raises(ValueError, match="expected 2 inputs, got 3"):
        net([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="expected 13 weights, got 2"):
        net.set_weights([1.0, 2.0])
