// SPDX-License-Identifier: MIT
// work.rs - a method that is called N times, after a line on standard input; every fourth call panics.
mod shop {
    pub struct Cart {
        pub items: u64,
    }
    impl Cart {
        #[inline(never)]
        pub fn total(&self, n: u64) -> u64 {
            if n % 4 == 3 {
                panic!("no");
            }
            self.items + n
        }
    }
}

fn main() {
    let calls: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    std::panic::set_hook(Box::new(|_| {}));
    let mut sum = 0;
    for n in 0..calls {
        sum += std::panic::catch_unwind(|| shop::Cart { items: 1 }.total(n)).unwrap_or(1000);
    }
    println!("{}", sum);
}
