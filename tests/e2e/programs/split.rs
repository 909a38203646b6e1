// SPDX-License-Identifier: MIT
//! split.c in Rust.

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, now: *mut Timespec) -> i32;
}

const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;

fn cpu_seconds() -> f64 {
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };

    unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    now.seconds as f64 + now.nanoseconds as f64 / 1e9
}

/// What the compiler cannot see through; std::hint has it since Rust 1.66.
#[inline(always)]
fn opaque(value: u64) -> u64 {
    unsafe { std::ptr::read_volatile(&value) }
}

#[inline(never)]
fn work(mut seed: u64) -> u64 {
    for _ in 0..16000 {
        seed = opaque(seed).wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    }
    seed
}

#[inline(never)]
fn seventy(seed: u64) -> u64 {
    opaque(work(seed)) ^ 70
}

#[inline(never)]
fn twenty(seed: u64) -> u64 {
    opaque(work(seed)) ^ 20
}

#[inline(never)]
fn ten(seed: u64) -> u64 {
    opaque(work(seed)) ^ 10
}

fn main() {
    let seconds: f64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let (mut lot, mut sum, mut counts, mut rounds) = (1u64, 0u64, [0u64; 3], 0u64);
    let began = cpu_seconds();

    while rounds % 64 != 0 || cpu_seconds() < seconds {
        rounds += 1;
        lot = lot.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let seed = lot >> 8;
        let (which, result) = match (lot >> 33) % 10 {
            0..=6 => (0, seventy(seed)),
            7..=8 => (1, twenty(seed)),
            _ => (2, ten(seed)),
        };
        counts[which] += 1;
        sum ^= result;
    }
    let inside = cpu_seconds() - began;
    println!(
        "{{\"seventy\":{},\"twenty\":{},\"ten\":{},\"inside_seconds\":{},\"cpu_seconds\":{},\"sum\":{}}}",
        counts[0], counts[1], counts[2], inside, cpu_seconds(), sum
    );
}
