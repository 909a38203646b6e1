// SPDX-License-Identifier: MIT
// regex.cc - input for the compiler: much to do in few lines; and a program of deep C++ frames.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <regex>
#include <unordered_map>

int main()
{
	std::map<std::string, std::function<int(int)>> calls;
	std::unordered_map<std::string, std::regex> patterns;
	std::mt19937 random(1);
	unsigned long found = 0;

	patterns["a"] = std::regex("(a+b?)*c|d");
	calls["x"] = [&](int n) { return n + static_cast<int>(random() & 7); };
	for (;;) {
		std::string text(200, 'a');
		std::vector<int> numbers(100);

		for (int &number : numbers)
			number = calls["x"](5);
		std::sort(numbers.begin(), numbers.end());
		try {
			found += std::regex_search(text, patterns["a"]) + numbers[3];
			if (found % 7 == 0)
				throw std::runtime_error("seven");
		} catch (std::runtime_error &) {
			found++;
		}
	}
}
