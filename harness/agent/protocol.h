#pragma once

// Names and limits of docs/agent-protocol.md, for both of its ends. Constants only: the guest agent is built
// for the guest from this file too.

#include <cstddef>
#include <string_view>

namespace crashpath::agent_protocol {

inline constexpr int version = 1;

/// Name of the virtio-serial port: virtserialport's name=, /sys/class/virtio-ports/*/name in the guest.
inline constexpr std::string_view port_name = "crashpath.agent";

/// On the kernel's command line: the agent serves nobody, a shell on the console does.
inline constexpr std::string_view shell_argument = "crashpath.shell";

/// What a message's `kernel` says.
inline constexpr std::string_view first_kernel = "first";
inline constexpr std::string_view second_kernel = "second";

/// How a line on the console begins that is an agent's last words: what failed is the agent, or what it runs
/// on; or the kernel gives it no port.
inline constexpr std::string_view fatal = "crashpath: fatal: ";
inline constexpr std::string_view no_port = "crashpath: no port: ";

/// Bytes. A line counts without its line end; text, hex and output before JSON escapes and hex digits.
inline constexpr std::size_t max_line = 1024 * 1024;
inline constexpr std::size_t max_text = 256 * 1024;
inline constexpr std::size_t max_hex = 64 * 1024;
inline constexpr std::size_t max_output = 64 * 1024;
inline constexpr std::size_t max_vmcore_headers = 256 * 1024;

/// Files of the initramfs.
inline constexpr std::string_view modules_list = "/crashpath/modules";
inline constexpr std::string_view kernel_image = "/crashpath/kernel";
inline constexpr std::string_view capture_initrd = "/crashpath/initrd";
inline constexpr std::string_view script = "/crashpath/script.jsonl";
inline constexpr std::string_view generation_file = "/crashpath/generation";

}  // namespace crashpath::agent_protocol
