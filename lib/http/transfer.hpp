#pragma once
#include "http/client.hpp"
#include <array>
#include <curl/curl.h>
#include <utility>

namespace roleswap::http {

struct CloseEasy {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct FreeList {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

/// One request as libcurl sees it.  For the client alone.  Pinned: libcurl knows its address.
class Transfer {
public:
    Transfer(const Request& request, const Tls& tls, OnDone on_done, OnData on_data);
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    CURL* easy() const { return easy_.get(); }
    /// What it came to; `code` is libcurl's word.
    Outcome outcome(CURLcode code);
    OnDone take_on_done() { return std::move(on_done_); }
    /// For those whose body is passed on as it comes: what came since the last call.
    bool streams() const { return static_cast<bool>(on_data_); }
    std::string take_data() { return std::exchange(body_, {}); }
    const OnData& on_data() const { return on_data_; }

private:
    static std::size_t on_body(const char* data, std::size_t size, std::size_t count,
                               void* self) noexcept;
    template <class Value> void set(CURLoption option, Value value);
    void set_limits(const Request& request);
    void set_tls(const Tls& tls);
    void set_content(const Request& request);

    std::string request_body_;
    std::string body_;
    std::array<char, CURL_ERROR_SIZE> error_{};
    event::Duration began_;
    OnDone on_done_;
    OnData on_data_;
    std::unique_ptr<curl_slist, FreeList> headers_;
    std::unique_ptr<CURL, CloseEasy> easy_;
};

} // namespace roleswap::http
