// SPDX-License-Identifier: MIT
// graph_test.cc - splits, joins, conservation, faulty elements, inline plans.
#include "pipeline/graph.h"

#include <gtest/gtest.h>

#include <random>

#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

// Sends packet i to output (first payload byte >> 2 * TURN) & 3; 3 is no output but a drop.
class Split final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override {
    if (!args.empty()) turn_ = static_cast<unsigned>(args[0].text[0] - '0');
    reason_ = setup.reason("split");
    return {};
  }
  void process(Batch& b, Mask in, Mask* out) noexcept override {
    for_each(in, [&](unsigned i) {
      const unsigned port = b.data[i][42] >> 2 * turn_ & 3;
      if (port == 3) return b.drop(i, reason_);
      out[port] |= Mask{1} << i;
    });
  }

 private:
  unsigned turn_ = 0;
  Reason reason_ = 0;
};

// Breaks the contract: bit 0 of the byte loses a packet, the rest is doubled and invented.
class Faulty final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg>, Setup&) override { return {}; }
  void process(Batch& b, Mask in, Mask* out) noexcept override {
    Mask lost = 0;
    for_each(in, [&](unsigned i) { lost |= Mask{b.data[i][42] & 1u} << i; });
    out[0] = out[1] = ~lost;
  }
};

// Sends all to output 1 and says why.
class Refuse final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg>, Setup& setup) override {
    why_ = setup.reason("refused_here");
    return {};
  }
  void process(Batch& b, Mask in, Mask* out) noexcept override {
    for_each(in, [&](unsigned i) { b.reason[i] = why_; });
    out[1] = in;
  }

 private:
  Reason why_ = 0;
};

constexpr OutputSpec kThree[] = {
    {"a", Unconnected::kError, ""}, {"b", Unconnected::kDrop, "open_b"}, {"c", Unconnected::kKernel, "open_c"}};
constexpr OutputSpec kTwo[] = {{"a", Unconnected::kError, ""}, {"b", Unconnected::kKernel, "odd"}};
const ElementClass kClasses[] = {
    {"Split", "", "", 1, kThree, [] { return std::unique_ptr<Element>(new Split); }},
    {"Refuse", "", "", 1, kThree, [] { return std::unique_ptr<Element>(new Refuse); }},
    {"Faulty", "", "", 1, kTwo, [] { return std::unique_ptr<Element>(new Faulty); }},
};
const PluginInfo kPlugin = {kPluginAbi, "test", "1", kClasses};

// 1..64 packets, payload byte at 42 random.
std::vector<Bytes> random_frames(std::mt19937& random) {
  std::vector<Bytes> frames(1 + random() % kBatchSize, testing::udp4());
  for (Bytes& f : frames) f[42] = static_cast<std::uint8_t>(random());
  return frames;
}

TEST(Graph, SplitsAndJoinsConserveEveryPacket) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  TestPipeline p(
      "s :: Split(0); t :: Split(1); j :: Counter; FromPort(x) -> s -> j -> Discard(joined);"
      "s[1] -> t -> j; s[2] -> t; t[1] -> k :: Counter -> ToKernel;",
      &kPlugin);
  ASSERT_TRUE(p.graph) << p.diag.text();
  for (int round = 0; round < 2000; ++round) {
    const std::vector<Bytes> frames = random_frames(random);
    TestBatch batch(frames);
    ASSERT_TRUE(p.run(batch.batch));
    for (unsigned i = 0; i < batch.batch.count; ++i) {
      const unsigned one = frames[i][42] & 3, two = frames[i][42] >> 2 & 3;
      const unsigned last = one == 0 ? 0 : two;
      const char* want = one == 3 || last == 3 ? "split" : last == 0 ? "joined" : last == 1 ? "to_kernel" : "open_c";
      ASSERT_EQ(p.reason(batch.batch, i), want) << "packet " << i << " byte " << int{frames[i][42]};
      ASSERT_EQ(batch.batch.verdict[i],
                last == 1 || last == 2 ? (one == 3 ? Verdict::kDrop : Verdict::kKernel) : Verdict::kDrop);
    }
  }
}

TEST(Graph, AFaultyElementNeitherLosesNorDoublesPackets) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  TestPipeline p("FromPort(x) -> f :: Faulty -> a :: Counter -> ToPort(y); f[1] -> b :: Counter -> Discard;", &kPlugin);
  ASSERT_TRUE(p.graph) << p.diag.text();
  std::uint64_t kept = 0;
  for (int round = 0; round < 200; ++round) {
    TestBatch batch(random_frames(random));
    ASSERT_TRUE(p.run(batch.batch));
    for (unsigned i = 0; i < batch.batch.count; ++i) {
      const bool lost = batch.batch.data[i][42] & 1;
      kept += !lost;
      EXPECT_EQ(p.reason(batch.batch, i), lost ? "no_verdict" : "none");
      EXPECT_EQ(batch.batch.verdict[i], lost ? Verdict::kDrop : Verdict::kTx);
    }
  }
  EXPECT_EQ(p.counter("a", "packets"), kept);
  EXPECT_EQ(p.counter("b", "packets"), 0u);
}

// Why an element refused a packet counts where nobody took that output, and goes no further.
TEST(Graph, AnElementsReasonEndsAtTheNextElement) {
  for (const auto& [rest, want] :
       {std::pair{"", "refused_here"}, std::pair{"r[1] -> Split(0) -> Discard;", "open_b"}}) {
    TestPipeline p(std::string("FromPort(x) -> r :: Refuse -> Discard; ") + rest, &kPlugin);
    ASSERT_TRUE(p.graph) << p.diag.text();
    Bytes frame = testing::udp4();
    frame[42] = 1;
    TestBatch batch({frame});
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(p.reason(batch.batch, 0), want);
  }
}

TEST(Graph, SeveralSourcesEachHaveTheirChain) {
  TestPipeline p("FromPort(x, ON_HELPER_LOSS drop) -> ToPort(y); FromPort(y, ORDERING none) -> Discard;");
  ASSERT_TRUE(p.graph) << p.diag.text();
  ASSERT_EQ(p.graph->sources().size(), 2u);
  EXPECT_EQ(p.graph->sources()[0].on_helper_loss, FULCRUM_LOSS_DROP);
  EXPECT_EQ(p.graph->sources()[1].ordering, FULCRUM_ORDER_NONE);
  for (const SourcePort& s : p.graph->sources()) {
    TestBatch batch({testing::udp4()}, s.port);
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(batch.batch.verdict[0], s.name == "x" ? Verdict::kTx : Verdict::kDrop);
  }
  TestBatch stray({testing::udp4()}, 77);
  EXPECT_FALSE(p.run(stray.batch));
}

TEST(Graph, DrawsItself) {
  TestPipeline p("FromPort(x) -> c :: CheckIPHeader -> ToPort(y);");
  TestBatch batch({testing::udp4()});
  ASSERT_TRUE(p.run(batch.batch));
  const Graph* workers[] = {p.graph.get()};
  EXPECT_EQ(Graph::dot(workers),
            "digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n"
            "  n0 [label=\"FromPort\"];\n  n0 -> n1 [label=\"packets 1\"];\n"
            "  n1 [label=\"c :: CheckIPHeader\"];\n  n1 -> n2 [label=\"good 1\"];\n"
            "  n1_1 [shape=plaintext,label=\"drop\"];\n  n1 -> n1_1 [label=\"bad 0\"];\n"
            "  n2 [label=\"ToPort\"];\n}\n");
}

TEST(Graph, DrawsCompoundsAsBoxes) {
  TestPipeline p(
      "elementclass In { input -> c :: Counter -> output }"
      "FromPort(x) -> a :: { input -> In -> d :: Counter -> output } -> In -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  const Graph* workers[] = {p.graph.get()};
  EXPECT_EQ(Graph::dot(workers),
            "digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n"
            "  subgraph \"cluster_In@3\" {\n  label=\"In\";\n  n3 [label=\"c :: Counter\"];\n  }\n"
            "  subgraph \"cluster_a\" {\n  label=\"a\";\n  n2 [label=\"d :: Counter\"];\n"
            "  subgraph \"cluster_a/In@2\" {\n  label=\"In\";\n  n1 [label=\"c :: Counter\"];\n  }\n  }\n"
            "  n0 [label=\"FromPort\"];\n  n0 -> n1 [label=\"packets 0\"];\n"
            "  n1 -> n2 [label=\"packets 0\"];\n  n2 -> n3 [label=\"packets 0\"];\n"
            "  n3 -> n4 [label=\"packets 0\"];\n  n4 [label=\"ToPort\"];\n}\n");
}

// IPLookup's place in inline plans, without its plugin.
class Lookup final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg>, Setup&) override { return {}; }
  void process(Batch&, Mask in, Mask* out) noexcept override { out[1] = in; }
  InlineOp inline_op() const noexcept override { return InlineOp::kRouteKernel; }
};
constexpr OutputSpec kRouted[] = {{"routed", Unconnected::kError, ""}, {"no_route", Unconnected::kKernel, "no_route"}};
const ElementClass kLookup[] = {{"Lookup", "", "", 1, kRouted, [] { return std::unique_ptr<Element>(new Lookup); }}};
const PluginInfo kLookupPlugin = {
    .abi = kPluginAbi, .name = "lookup", .version = "1", .elements = kLookup, .inline_object = "inline_lookup.bpf.o"};

std::string refusal(const std::string& text, Graph::InlinePlan& plan) {
  TestPipeline p(text, &kLookupPlugin);
  return p.graph ? p.graph->inline_refusal(p.graph->sources()[0], plan) : p.diag.text();
}

TEST(Graph, PlansTheInlineRouter) {
  Graph::InlinePlan plan;
  EXPECT_EQ(refusal("c :: CheckIPHeader; s :: CheckIP6Header; r :: Lookup; FromPort(x) -> c -> r; c[1] -> s -> r;"
                    "s[1] -> ToKernel; r -> d :: DecIPTTL -> DecIP6HLIM -> ToPort; d[1] -> Discard;",
                    plan),
            "");
  EXPECT_TRUE(plan.ip4 && plan.ip6 && plan.check4 && plan.check6);
  EXPECT_EQ(plan.bad4, Verdict::kKernel);
  EXPECT_EQ(plan.bad6, Verdict::kKernel);
  EXPECT_EQ(plan.no_route4, Verdict::kKernel);
  EXPECT_EQ(plan.expired4, Verdict::kDrop);
  EXPECT_EQ(plan.expired6, Verdict::kKernel);
}

TEST(Graph, PlansOneFamilyAndSaysWhatBecomesOfTheOther) {
  Graph::InlinePlan plan;
  EXPECT_EQ(refusal("FromPort(x) -> CheckIPHeader -> Lookup -> DecIPTTL -> ToPort;", plan), "");
  EXPECT_TRUE(plan.ip4 && !plan.ip6);
  EXPECT_EQ(plan.object, "inline_lookup.bpf.o") << "of the plugin that looks up";
  EXPECT_EQ(plan.other_verdict6, Verdict::kDrop);
}

TEST(Graph, RefusesWhatHasNoInlineForm) {
  Graph::InlinePlan plan;
  EXPECT_EQ(refusal("FromPort(x) -> n :: Counter -> ToKernel;", plan), "Counter 'n' has no inline form");
  EXPECT_EQ(refusal("FromPort(x) -> ToPort(y);", plan), "ToPort has no inline form");
  EXPECT_NE(refusal("FromPort(x) -> Lookup -> ToPort;", plan).find("nobody lowered"), std::string::npos);
  EXPECT_NE(
      refusal("FromPort(x) -> l :: Lookup -> DecIPTTL -> DecIP6HLIM -> ToPort; l[1] -> Counter -> ToKernel;", plan)
          .find("behind a side output of Lookup 'l'"),
      std::string::npos);
}

}  // namespace
}  // namespace fulcrum
