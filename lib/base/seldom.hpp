#pragma once
#include <concepts>
#include <initializer_list>
#include <memory>
#include <utility>

namespace roleswap::base {

/// A text, list or table that is nearly always empty: until it is not it has the size of a pointer,
/// where the thing itself has three to six times that.  A value to copy and compare; read it with *
/// and ->.
template <class T> class Seldom {
public:
    Seldom() = default;
    template <std::convertible_to<T> Source>
    requires(!std::same_as<std::remove_cvref_t<Source>, Seldom>)
        Seldom(Source&& source) // NOLINT(google-explicit-constructor): it stands for a T
    {
        T value(std::forward<Source>(source));
        if (!value.empty()) value_ = std::make_unique<T>(std::move(value));
    }
    Seldom(const Seldom& from) : value_(from.empty() ? nullptr : std::make_unique<T>(*from)) {}
    Seldom(Seldom&&) noexcept = default;
    Seldom& operator=(const Seldom& from)
    {
        if (this != &from) *this = Seldom(from);
        return *this;
    }
    Seldom& operator=(Seldom&&) noexcept = default;
    Seldom& operator=(std::initializer_list<typename T::value_type> items)
    {
        return *this = Seldom(T(items));
    }
    ~Seldom() = default;

    bool empty() const { return value_ == nullptr || value_->empty(); }
    const T& operator*() const
    {
        static const T nothing{};
        return value_ ? *value_ : nothing;
    }
    const T* operator->() const { return &**this; }
    operator const T&() const { return **this; } // NOLINT(google-explicit-constructor): the same
    /// To be changed in place.
    T& edit()
    {
        if (value_ == nullptr) value_ = std::make_unique<T>();
        return *value_;
    }
    void clear() { value_.reset(); }
    friend bool operator==(const Seldom& one, const Seldom& other) { return *one == *other; }

private:
    std::unique_ptr<T> value_;
};

} // namespace roleswap::base
