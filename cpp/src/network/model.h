// The layers of a network and where their parameters and states lie in the flat vectors.
#pragma once

#include <memory>

#include "../layers/class_scorer.h"
#include "../layers/encoder_decoder.h"
#include "recurra/network.h"

namespace recurra {

template <class T>
struct Model {
  explicit Model(std::vector<LayerSpec> specs);

  std::vector<LayerSpec> specs;
  std::vector<std::unique_ptr<Layer<T>>> layers;
  std::vector<Index> parameter_offset, state_offset;  // by layer, and the end
  std::vector<Parameter> parameters;
  std::vector<StateBlock> state_blocks;
  Index input_size = 0, output_size = 0, num_ids = 0;
  std::size_t pooling = 0;        // the first layer that pools over time; layers.size() if none
  Domain domain = Domain::any;    // what its layers run over
  std::size_t looking_ahead = 0;  // the first layer that needs whole sequences at once; layers.size() if none

  std::vector<Index> feedbacks;  // the widths of what its Feedback layers feed back

  // The width of a teacher's rows; 0 if the network takes none, for it has no Feedback or several.
  Index teacher_size() const { return feedbacks.size() == 1 ? feedbacks.front() : 0; }
  const EncoderDecoder<T>* decoder = nullptr;  // the only layer, if it is one: its outputs have a length of their own
  const ClassScorer<T>* scorer = nullptr;      // the last layer, if it is one

  bool decodes() const { return decoder != nullptr; }
  // How many symbols a teacher can give; 0: it gives values.
  Index num_symbols() const { return decoder ? decoder->num_symbols() : 0; }
  bool pools() const { return pooling < layers.size(); }
  bool looks_ahead() const { return looking_ahead < layers.size(); }
  bool takes_ids() const { return num_ids > 0; }
  // Throws std::invalid_argument, a message that begins with `function`, if it runs over trees or graphs.
  void expect_sequences(const std::string& function) const;
  // The state that sequences start from with these parameters.
  void initial_state(const T* flat, T* state) const;
};

}  // namespace recurra
