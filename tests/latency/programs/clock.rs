// SPDX-License-Identifier: MIT
// clock.rs - as clock.c, in Rust.
use std::time::{Duration, Instant};

mod shop {
    use super::*;
    #[inline(never)]
    pub fn timed_work(n: u64, inside: &mut Vec<u128>) {
        let began = Instant::now();
        std::thread::sleep(Duration::from_micros(n * 7919 % 3000));
        inside.push(began.elapsed().as_nanos());
    }
}

fn run(first: u64, calls: u64) -> (Vec<u128>, Vec<u128>) {
    let (mut inside, mut around) = (Vec::new(), Vec::new());
    for n in first..first + calls {
        let began = Instant::now();
        shop::timed_work(n, &mut inside);
        around.push(began.elapsed().as_nanos());
    }
    (inside, around)
}

fn tell(mut times: Vec<u128>) {
    times.sort();
    let words: Vec<String> = times.iter().map(|one| one.to_string()).collect();
    println!("{}", words.join(" "));
}

fn main() {
    let calls: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let threads: Vec<_> =
        (0..4).map(|i| std::thread::spawn(move || run(i * calls, calls))).collect();
    let (mut inside, mut around) = (Vec::new(), Vec::new());
    for thread in threads {
        let (more_inside, more_around) = thread.join().unwrap();
        inside.extend(more_inside);
        around.extend(more_around);
    }
    tell(inside);
    tell(around);
}
