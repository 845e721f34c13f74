#include "http/transfer.hpp"
#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <stdexcept>

namespace roleswap::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::size_t body_bytes_max = std::size_t{1} << 20;

curl_blob blob(const std::string& text)
{
    return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
}

/// At least 1 ms: 0 is no limit at all to libcurl.
long limit_ms(event::Duration limit)
{
    return std::max(1L, static_cast<long>(duration_cast<milliseconds>(limit).count()));
}

} // namespace

template <class Value> void Transfer::set(CURLoption option, Value value)
{
    const auto code = curl_easy_setopt(easy_.get(), option, value);
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLE_OK)
        throw std::runtime_error(std::string("libcurl does not take an option: ") +
                                 curl_easy_strerror(code));
}

Transfer::Transfer(const Request& request, const Tls& tls, OnDone on_done, OnData on_data)
    : request_body_(request.body), began_(event::Loop::now()), on_done_(std::move(on_done)),
      on_data_(std::move(on_data)), easy_(curl_easy_init())
{
    if (!easy_) throw std::bad_alloc();
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_PROXY, "");
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    // Else libcurl waits for its thread that looks up a name when a request is given up.
    set(CURLOPT_QUICK_EXIT, 1L);
    set_limits(request);
    set_content(request);
    if (request.url.starts_with("https:")) set_tls(tls);
}

void Transfer::set_limits(const Request& request)
{
    set(streams() ? CURLOPT_CONNECTTIMEOUT_MS : CURLOPT_TIMEOUT_MS, limit_ms(request.timeout));
    set(CURLOPT_FRESH_CONNECT, request.connection == Request::Connection::fresh ? 1L : 0L);
    // A name that was found once serves on while the name server is out of reach.
    set(CURLOPT_DNS_CACHE_TIMEOUT, 3600L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TCP_KEEPIDLE, 5L);
    set(CURLOPT_TCP_KEEPINTVL, 2L);
}

void Transfer::set_tls(const Tls& tls)
{
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!tls.ca.empty()) {
        const auto ca = blob(tls.ca);
        set(CURLOPT_CAINFO_BLOB, &ca);
    }
    if (tls.certificate.empty()) return;
    const auto certificate = blob(tls.certificate);
    const auto key = blob(tls.key);
    set(CURLOPT_SSLCERT_BLOB, &certificate);
    set(CURLOPT_SSLKEY_BLOB, &key);
}

void Transfer::set_content(const Request& request)
{
    for (const auto& header : request.headers) {
        auto* longer = curl_slist_append(headers_.get(), header.c_str());
        if (longer == nullptr) throw std::bad_alloc();
        (void)headers_.release(); // `longer` begins with it
        headers_.reset(longer);
    }
    set(CURLOPT_HTTPHEADER, headers_.get());
    if (request_body_.empty()) return;
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_body_.size()));
    set(CURLOPT_POSTFIELDS, request_body_.c_str());
}

std::size_t Transfer::on_body(const char* data, std::size_t size, std::size_t count,
                              void* self) noexcept
{
    auto& transfer = *static_cast<Transfer*>(self);
    const auto bytes = size * count;
    if (transfer.body_.size() + bytes > body_bytes_max) return 0; // ends it: CURLE_WRITE_ERROR
    try {
        transfer.body_.append(data, bytes);
    } catch (const std::bad_alloc&) {
        return 0;
    }
    return bytes;
}

Outcome Transfer::outcome(CURLcode code)
{
    const auto took = event::Loop::now() - began_;
    if (code == CURLE_WRITE_ERROR) return Failure{"the answer is too long", took};
    if (code != CURLE_OK) {
        if (code == CURLE_OPERATION_TIMEDOUT) return Failure{"no answer in time", took};
        long number = 0; // of the system's call that failed, where it was one
        curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &number);
        if (code == CURLE_COULDNT_CONNECT && number != 0)
            return Failure{std::strerror(static_cast<int>(number)), took};
        const std::string detail = error_.data();
        return Failure{detail.empty() ? curl_easy_strerror(code) : detail, took};
    }
    Response response;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &response.status);
    response.body = std::move(body_);
    response.took = took;
    return response;
}

} // namespace roleswap::http
