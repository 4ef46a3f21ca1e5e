// LayerSpec: the description of a layer, without numbers. A network is built from a list of them, and a file stores them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace recurra {

using OptionValue = std::variant<bool, std::int64_t, double, std::string>;

struct LayerSpec {
  std::string type;
  std::map<std::string, OptionValue> options;
  std::vector<LayerSpec> children{};

  bool operator==(const LayerSpec&) const = default;
};

// Layers may lie inside layers, at most this deep, the outermost included: networks and files refuse more.
inline constexpr std::size_t max_layer_depth = 64;
// Whether layers lie deeper than that in a description.
bool is_too_deep(const LayerSpec& spec);

// "LSTM(hidden_size=32, input_size=1)"
std::string to_string(const LayerSpec& spec);

using Options = std::map<std::string, OptionValue>;

// The layers by name. Sizes and options are checked when a network is built.
namespace layers {

// Cells. Every one takes the options of the stages it admits: layer_norm (bool), zoneout, zoneout_<state>,
// recurrent_dropout (probabilities), projection, heads (sizes), learned_initial_state (bool): {{"zoneout_h", 0.1}, {"layer_norm",
// true}}.

// Elman's simple recurrent network; activation "tanh", "relu", "logistic" or "saturated".
LayerSpec elman(std::int64_t input_size, std::int64_t hidden_size, const std::string& activation = "tanh",
                const Options& options = {});
// The same recursion, of which only the first `output_size` units leave the layer (Williams and Zipser 1989).
LayerSpec fully_recurrent(std::int64_t input_size, std::int64_t hidden_size, std::int64_t output_size,
                          const std::string& activation = "tanh", const Options& options = {});
// LSTM with forget gate (Gers et al. 2000). Variants by option: {"forget_gate", false}, {"coupled", true},
// {"peephole", "current" | "previous"}.
LayerSpec lstm(std::int64_t input_size, std::int64_t hidden_size, const Options& options = {});
// GRU with the reset gate "after" the product (as cuDNN and PyTorch) or "before" it (as the textbook).
LayerSpec gru(std::int64_t input_size, std::int64_t hidden_size, const std::string& reset = "after", const Options& options = {});
// Any other cell, also one of your own (see register_cell()), by the type it declares; its variant is among the options.
LayerSpec cell(const std::string& type, std::int64_t input_size, std::int64_t hidden_size, const Options& options = {});

// y = W x + b at every step; without b if not `bias`.
LayerSpec linear(std::int64_t input_size, std::int64_t output_size, bool bias = true);
// Log-probabilities of num_classes classes, the most frequent first. Those before the first cutoff and the clusters between the
// others are scored by W x, the classes of cluster i (0, 1, ..) by U_i P_i x with input_size / div_value^(i + 1) units.
LayerSpec adaptive_softmax(std::int64_t input_size, std::int64_t num_classes, const std::vector<std::int64_t>& cutoffs = {},
                           double div_value = 4.0);
// A row of a (num_embeddings, size) table per class id; the first layer only.
LayerSpec embedding(std::int64_t num_embeddings, std::int64_t size);
// The last valid step, the mean of the valid steps, their maximum feature by feature: (time, features) -> (features).
LayerSpec last();
LayerSpec mean();
LayerSpec max();
// Zeroes elements with this probability while training and scales the others by 1 / (1 - probability); one mask for all
// steps of a sequence if `per_sequence`.
LayerSpec dropout(double probability, bool per_sequence = false);
LayerSpec tanh();
LayerSpec relu();
LayerSpec logistic();

// A tapped delay line, y_t = [x_t, x_{t-d}, ..., x_{t-steps*d}], zero before the first step. Options: "dilation" d (1), "present"
// (false: without x_t), "input_size", which the first layer of a network or of a Feedback needs.
LayerSpec delay(std::int64_t steps, const Options& options = {});
// y_t = net([x_t, y_{t-1}, ..., y_{t-delays}]), zero before the first step. Its input has as many features as the net's less
// delays * outputs; none at all is an autoregressive model. `fed`: only so many of the outputs, the last ones, are fed back
// (0: all), which no teacher then replaces.
LayerSpec feedback(std::vector<LayerSpec> net, std::int64_t delays = 1, std::int64_t fed = 0);
// External memories behind a controller: y_t = [x_t, r_t], where x_t is the controller's output and r_t what was read after the
// memory did what an affine map of x_t says. feedback({controller, memory}, 1, size of r) lets the controller see it at the next
// step: a controller with (its inputs + size of r) inputs.
// `stacks` stacks of `depth` vectors of `width`, pushed, popped and left alone by weights; r: their tops (Joulin and Mikolov
// 2015).
LayerSpec stack_memory(std::int64_t depth, std::int64_t width, std::int64_t stacks = 1);
// The memory of a neural Turing machine: `locations` vectors of `width`, and heads that find them by content and by place; r:
// what the reading heads read (Graves et al. 2014). Options: "read_heads", "write_heads", "shift", how far a head moves in a step
// (1).
LayerSpec ntm_memory(std::int64_t locations, std::int64_t width, const Options& options = {});
// A sequence is read by the encoder and another one written by the decoder, which begins with the encoder's last states (the
// directions of a bidirectional layer beside each other). The only layer of a network. If the decoder begins with an embedding,
// its outputs are scores of classes, and it sees, step by step, the class it wrote before; options: "start", the class id seen
// first (often one more than there are outputs), and "end", the class that ends a sequence. Else its outputs are its next inputs.
// Option "bridge" = "linear": its states are an affine function of all of the encoder's.
LayerSpec encoder_decoder(std::vector<LayerSpec> encoder, std::vector<LayerSpec> decoder, const Options& options = {});
// In a decoder: y_t = [x_t, c_t], where c_t is a mean of the encoder's outputs weighted by a softmax of scores: x . m, or
// v . tanh(W_q x + W_k m + b) with `size` units.
LayerSpec dot_attention();
LayerSpec additive_attention(std::int64_t size);
// Layers one after the other where one is expected.
LayerSpec chain(std::vector<LayerSpec> net);

// A cell over the nodes of trees (a Forest). A node reads the sum of its children (child-sum), or, with option "arity" N, each of
// up to N children by its slot; "direction" "down": each node reads the one above it. "bilinear" true: u'Vu joins the gates, u
// what the children feed (a recursive neural tensor network).
LayerSpec tree(const LayerSpec& cell, const Options& options = {});
// Rounds of a cell over the nodes of Graphs; in each a node hears the sum of its edges' messages. Options: "aggregation" "sum",
// "mean" or "max"; "features" "state" (a node's features are what its state starts with) or "input" (they join every message);
// "attention" (a softmax over the edges weighs the messages), "shared" false (each round has a message of its own), "input_size".
LayerSpec graph_net(const LayerSpec& cell, const LayerSpec& message, std::int64_t rounds, const Options& options = {});
// What may be a message beside linear(state, message): a linear map for each type of edge; sum_k a_k A_k h + A_0 h, where a are
// the edge's features or a net's outputs; net(W_v h_v + W_u h_u + W_e e + b), from the receiver, the sender and the edge's
// features, if it has any.
LayerSpec by_type(std::int64_t state_size, std::int64_t message_size, std::int64_t num_types, bool bias = true);
LayerSpec edge_net(std::int64_t state_size, std::int64_t message_size, std::int64_t edge_size, std::vector<LayerSpec> net = {});
LayerSpec mlp(std::int64_t state_size, std::int64_t hidden_size, std::vector<LayerSpec> net, std::int64_t edge_size = 0);
// One vector for each tree or graph: the "sum", "mean", "max" of its nodes, its "root", or "gated", sum sigmoid(a) tanh(b) with a
// and b of `size` features (0: as many as there are).
LayerSpec readout(const std::string& pool, std::int64_t size = 0);

// y = [forward(x), reverse(x)]; the reverse layer runs from each sequence's own end to its start. The second form gives
// both directions the same description.
LayerSpec bidirectional(const LayerSpec& forward, const LayerSpec& reverse);
LayerSpec bidirectional(const LayerSpec& layer);
// y = x + net(x), and y = [x, net(x)].
LayerSpec residual(std::vector<LayerSpec> net);
LayerSpec skip(std::vector<LayerSpec> net);

}  // namespace layers
}  // namespace recurra
