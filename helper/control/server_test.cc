// SPDX-License-Identifier: MIT
// server_test.cc - real sockets: a client in this thread, the server's loop in another.
#include "control/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <future>
#include <optional>
#include <thread>

#include "base/clock.h"

namespace fulcrum {
namespace {

namespace json = boost::json;

// Answers with what it was asked.
class EchoApi : public ControlApi {
 public:
  Reply port_list() override { return json::value{{"ports", json::array{}}}; }
  Reply pipeline_show(bool dot) override { return json::value{{"dot", dot}}; }
  Reply pipeline_load(const std::string& file) override { return json::value{{"file", file}}; }
  Reply element_call(std::string_view element, std::string_view, std::string_view args) override {
    return json::value{{"element", element}, {"text", args}};
  }
  Reply element_handlers(std::string_view element) override { return json::value{{"element", element}}; }
  Reply ratio_show(std::string_view port) override {
    if (port == "eth9") return Error{"ratio: unknown port 'eth9': the helper has eth0, name one of them"};
    return json::value{{"port", port}};
  }
  Reply ratio_set(std::string_view port, const std::vector<TierShare>& shares) override {
    json::object out{{"port", port}};
    for (const TierShare& s : shares) out[s.tier] = s.permille;
    return json::value(out);
  }
  Reply ratio_auto(std::string_view, std::string_view policy) override { return json::value{{"policy", policy}}; }
  Reply stats() override { return json::value(std::string(answer_bytes, 'x')); }
  Reply device_list() override { return json::value(nullptr); }
  Reply device_set(std::string_view device, bool enabled) override {
    return json::value{{"device", device}, {"enabled", enabled}};
  }
  Reply plugin_list() override { return json::value{{"plugins", json::array()}}; }
  Reply plugin_info(std::string_view name) override { return json::value{{"plugin", name}}; }
  Reply plugin_load(std::string_view name) override { return json::value{{"plugin", name}}; }
  Reply plugin_unload(std::string_view name) override { return json::value{{"unloaded", name}}; }
  Reply shutdown() override { return json::value{{"stopping", true}}; }
  std::size_t answer_bytes = 10;
};

class Client {
 public:
  explicit Client(const std::string& path) {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  ~Client() { ::close(fd_); }
  bool send(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      ssize_t n = ::send(fd_, text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      at += static_cast<std::size_t>(n);
    }
    return true;
  }
  std::string line() {
    std::string out;
    char c;
    for (;;) {
      ssize_t n = ::recv(fd_, &c, 1, 0);
      if (n < 0 && errno == EINTR) continue;  // this thread opened the loop, see loop.h
      if (n != 1) return out + "<end>";
      if (c == '\n') return out;
      out += c;
    }
  }
  json::object ask(const std::string& request) {
    send(request + "\n");
    return json::parse(line()).as_object();
  }
  bool connected = false;

 private:
  int fd_;
};

class Server : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/fulcrum-control-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
    path_ = folder_ + "/sub/c.sock";
  }
  void start(const ServerLimits& limits = {}) {
    auto loop = Loop::open();
    ASSERT_TRUE(loop) << loop.error().text;
    loop_ = std::move(*loop);
    auto server = ControlServer::open(*loop_, api_, path_, limits);
    ASSERT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
    thread_ = std::thread([this] { loop_->run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop_->stop();
    thread_.join();
    server_.reset();
    loop_.reset();
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(folder_);
  }
  std::string folder_, path_;
  EchoApi api_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
};

std::string error_of(const json::object& answer) {
  EXPECT_FALSE(answer.at("ok").as_bool());
  return std::string(answer.at("error").as_string());
}

TEST_F(Server, AnswersRequestsInOrderOnOneConnection) {
  start();
  Client c(path_);
  ASSERT_TRUE(c.connected);
  EXPECT_EQ(c.ask(R"({"object":"ratio","verb":"show","port":"eth0"})").at("data").at("port").as_string(), "eth0");
  auto set = c.ask(R"({"object":"ratio","verb":"set","port":"p","shares":{"cpu":700,"manycore":300}})");
  EXPECT_EQ(set.at("data").at("manycore").as_int64(), 300);
  c.send(
      "{\"object\":\"pipeline\",\"verb\":\"show\",\"dot\":true}\n{\"object\":\"device\",\"verb\":\"disable\","
      "\"device\":\"m\"}\n");
  EXPECT_EQ(c.line(), R"({"ok":true,"data":{"dot":true}})");
  EXPECT_EQ(c.line(), R"({"ok":true,"data":{"device":"m","enabled":false}})");
}

TEST_F(Server, SocketAndFolderHaveTheirModes) {
  start();
  struct stat st;
  ASSERT_EQ(::stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0660u);
  ASSERT_EQ(::stat((folder_ + "/sub").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0755u);
  stop();
  EXPECT_NE(::stat(path_.c_str(), &st), 0) << "the socket goes with its server";
}

TEST_F(Server, BadRequestsGetANamedErrorAndTheConnectionGoesOn) {
  start();
  Client c(path_);
  struct Row {
    const char *request, *error;
  };
  for (Row row :
       {Row{"hello", "not JSON"}, Row{"", "not JSON"}, Row{"[1]", "not an object"}, Row{"{}", "'object' is missing"},
        Row{R"({"object":1,"verb":"show"})", "'object' is not a string"},
        Row{R"({"object":"ratio","verb":"fly"})", "unknown request 'ratio fly': valid are port list"},
        Row{R"({"object":"ratio","verb":"set","port":"p"})", "'shares' is missing"},
        Row{R"({"object":"ratio","verb":"set","shares":{"cpu":-1}})", "'cpu' is not a number from 0 to 1000"},
        Row{R"({"object":"ratio","verb":"set","shares":{"cpu":"x"}})", "'cpu' is not a number"},
        Row{R"({"object":"ratio","verb":"show","prot":"x"})", "unknown field 'prot': valid are object, verb and: port"},
        Row{R"({"object":"ratio","verb":"show","port":"eth9"})", "unknown port 'eth9'"},
        Row{R"({"object":"device","verb":"enable"})", "'device' is missing"},
        Row{"{\"object\":\"\xff\"}", "not JSON"}}) {
    std::string error = error_of(c.ask(row.request));
    EXPECT_NE(error.find(row.error), std::string::npos) << error;
  }
  std::string deep(100'000, '[');
  EXPECT_NE(error_of(c.ask(deep)).find("not JSON"), std::string::npos);
  EXPECT_TRUE(c.ask(R"({"object":"port","verb":"list"})").at("ok").as_bool());
}

TEST_F(Server, OversizeRequestIsRefusedAndClosed) {
  start({.request_bytes = 5000});
  Client c(path_);
  c.send(std::string(6000, 'x'));
  EXPECT_NE(error_of(json::parse(c.line()).as_object()).find("longer than 5000 bytes"), std::string::npos);
  EXPECT_EQ(c.line(), "<end>");
  Client other(path_);
  EXPECT_TRUE(other.ask(R"({"object":"port","verb":"list"})").at("ok").as_bool());
}

TEST_F(Server, AClientThatDoesNotReadBlocksNobody) {
  api_.answer_bytes = 4 << 20;
  start({.idle_ns = 300'000'000});
  Client slow(path_), quick(path_);
  for (int i = 0; i < 100; i++) ASSERT_TRUE(slow.send("{\"object\":\"stats\",\"verb\":\"show\"}\n"));
  EXPECT_TRUE(quick.ask(R"({"object":"port","verb":"list"})").at("ok").as_bool());
  std::uint64_t end_ns = now_ns() + 10'000'000'000u;
  auto clients = [&] {
    std::promise<std::size_t> count;
    loop_->post([&] { count.set_value(server_->clients()); });
    return count.get_future().get();
  };
  while (clients() != 0 && now_ns() < end_ns) std::this_thread::yield();
  EXPECT_EQ(clients(), 0u) << "idle clients are closed";
}

TEST_F(Server, TooManyClientsAreToldSo) {
  start({.clients = 1});
  Client first(path_);
  EXPECT_TRUE(first.ask(R"({"object":"port","verb":"list"})").at("ok").as_bool());
  Client second(path_);
  EXPECT_NE(second.line().find("too many clients"), std::string::npos);
}

TEST_F(Server, ReplacesTheSocketOfADeadHelperOnly) {
  std::filesystem::create_directories(folder_ + "/sub");
  int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);  // a dead helper: bound, closed, never unlinked
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  start();
  EXPECT_TRUE(Client(path_).connected);
  auto loop = Loop::open();
  ASSERT_TRUE(loop);
  auto second = ControlServer::open(**loop, api_, path_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text.find("a helper answers there already"), std::string::npos);
  EXPECT_TRUE(Client(path_).connected) << "the first goes on";
}

TEST_F(Server, RefusesPathsThatCannotBe) {
  auto loop = Loop::open();
  ASSERT_TRUE(loop);
  auto refused = [&](const std::string& path) {
    auto server = ControlServer::open(**loop, api_, path);
    return server ? std::string() : server.error().text;
  };
  EXPECT_NE(refused(folder_ + "/" + std::string(200, 'a')).find("shorter --socket"), std::string::npos);
  ::close(::creat((folder_ + "/file").c_str(), 0600));
  EXPECT_NE(refused(folder_ + "/file").find("is not a socket"), std::string::npos);
  EXPECT_NE(refused(folder_ + "/file/x.sock").find("control: socket"), std::string::npos);
}

TEST(LoopTest, TimersWatchesAndSignals) {
  auto opened = Loop::open();
  ASSERT_TRUE(opened);
  Loop& loop = **opened;
  int ticks = 0, bytes = 0, signals = 0, pipe_fd[2];
  ASSERT_EQ(::pipe(pipe_fd), 0);
  loop.on_signal([&](int) { signals++; });
  ASSERT_TRUE(loop.watch(pipe_fd[0], [&] {
    char c;
    bytes += static_cast<int>(::read(pipe_fd[0], &c, 1));  // one of three: level-triggered
    if (bytes == 3) {
      loop.unwatch(pipe_fd[0]);
      ::raise(SIGTERM);
    }
  }));
  loop.every(1'000'000, [&] {
    if (++ticks == 3) {
      ASSERT_EQ(::write(pipe_fd[1], "abc", 3), 3);
    }
    if (signals) loop.stop();
  });
  loop.after(10'000'000'000, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(bytes, 3);
  EXPECT_EQ(signals, 1);
  EXPECT_GE(ticks, 3);
  ::close(pipe_fd[0]);
  ::close(pipe_fd[1]);
}

}  // namespace
}  // namespace fulcrum
