/* SPDX-License-Identifier: Dual MIT/GPL */
/* kernel.h - every kernel type and field that our programs read, and no other.
 *
 * CO-RE matches by name, so partial definitions are enough; this is the list of facts about the
 * kernel that kymo depends on, and `kymo doctor` checks it against the running kernel.  A field
 * that was renamed gets a second flavour (struct x___old).
 */
#ifndef PROBE_KERNEL_H
#define PROBE_KERNEL_H

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <stdbool.h>

#include "probe/unit.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	u64 id; /* the number of a cgroup; equals the inode of its directory */
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_root {
	unsigned int subsys_mask; /* one bit for each controller of the hierarchy */
	int hierarchy_id;         /* as in /proc/PID/cgroup; 0: v2 */
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

/* From 6.2 on; before, mm_struct.rss_stat is a struct mm_rss_stat. */
struct percpu_counter {
	s64 count; /* what single CPUs have not added yet is missing */
};

struct xol_area {
	unsigned long vaddr; /* where probed functions return to: the trampoline of return probes */
};

struct uprobes_state {
	struct xol_area *xol_area; /* NULL: nothing in this process is probed that way */
};

/* One return probe that waits for its function to return. */
struct return_instance {
	unsigned long stack;          /* stack pointer when the function was entered */
	unsigned long orig_ret_vaddr; /* the return address that the trampoline replaces */
	struct return_instance *next; /* of the function that was entered before */
};

struct uprobe_task {
	struct return_instance *return_instances; /* innermost first */
	unsigned long vaddr;     /* of the probed instruction, while a copy of it is executed */
	unsigned long xol_vaddr; /* that copy; 0: none */
};

struct mm_struct {
	unsigned long exec_vm; /* pages mapped executable: changes with every dlopen() */
	unsigned long arg_start, arg_end;
	unsigned long hiwater_rss; /* pages; raised only before they become less */
	struct percpu_counter rss_stat[4];
	struct uprobes_state uprobes_state;
};

struct atomic_long___old {
	s64 counter;
};

struct mm_rss_stat___old {
	struct atomic_long___old count[4];
};

struct mm_struct___old {
	struct mm_rss_stat___old rss_stat;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1]; /* one for each namespace, the initial one first */
};

struct super_block {
	u32 s_dev;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned short i_mode;
	u32 i_rdev; /* of a device */
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	void *private_data; /* of a socket: its struct socket */
};

struct fs_struct {
	struct path pwd;
};

struct linux_binprm {
	const char *filename; /* as execve() was given it */
	const char *interp;   /* what runs: another one for a script */
	struct file *file;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct rq {
	u64 clock; /* ns; of the last look at it */
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	u64 sum_exec_runtime;  /* ns on a CPU so far */
	struct cfs_rq *cfs_rq; /* of its CPU, also for a thread of another scheduling class */
};

struct sched_info {
	unsigned long pcount;         /* how often it came to run */
	unsigned long long run_delay; /* ns of waiting for a CPU so far, less this time */
	unsigned long long
		last_queued; /* rq.clock when it was told to wait for a CPU; 0: it does not */
};

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t uid;
};

typedef struct {
	int counter;
} atomic_t;

struct task_io_accounting {
	u64 rchar, wchar;            /* bytes through read() and write() */
	u64 syscr, syscw;            /* calls of these */
	u64 read_bytes, write_bytes; /* of disks */
	u64 cancelled_write_bytes;   /* dirtied, and deleted before they were written */
};

struct list_head {
	struct list_head *next;
};

/* Of a process; the sums are of its threads that are gone. */
struct signal_struct {
	atomic_t live;
	int nr_threads;
	unsigned int flags;
	struct list_head thread_head;
	int group_exit_code;
	short oom_score_adj;
	u64 sum_sched_runtime;
	unsigned long min_flt, maj_flt, nvcsw, nivcsw;
	struct task_io_accounting ioac;
};

typedef struct {
	unsigned long sig[1];
} sigset_t;

struct sigpending {
	sigset_t signal;
};

/* Part of task_struct on the processors that kymo knows. */
struct thread_info {
	unsigned long flags; /* arm64: what is_compat_task() looks at */
};

struct thread_info___x86 {
	u32 status;
};

struct task_struct {
	struct thread_info thread_info;
	struct sched_entity se;
	struct sched_info sched_info;
	unsigned int __state;
	unsigned int flags;
	unsigned on_cpu; /* it runs now; a u8 from 7.3 on */
	int pid;
	int tgid;
	struct pid *thread_pid;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct signal_struct *signal;
	struct sigpending pending; /* signals of this thread alone */
	struct list_head thread_node;
	const struct cred *cred;
	struct fs_struct *fs;
	u64 start_time; /* CLOCK_MONOTONIC, ns */
	int exit_code;
	unsigned long min_flt, maj_flt, nvcsw, nivcsw;
	struct task_io_accounting ioac;
	struct mm_struct *mm;
	struct css_set *cgroups;
	u64 self_exec_id; /* grows with every execve() */
	struct files_struct *files;
	void *bpf_storage;         /* NULL: no program keeps anything of this task */
	struct uprobe_task *utask; /* NULL: no probe was hit */
	unsigned in_execve : 1;
	unsigned in_iowait : 1;
	char comm[16];
	void *stack;
};

struct kernel_siginfo {
	int si_code;
};

struct gendisk {
	int major, first_minor;
	char disk_name[32];
};

struct request_queue {
	struct gendisk *disk; /* from 5.15 on */
};

/* What a disk is asked for. */
struct request {
	struct request_queue *q;
	unsigned int cmd_flags;  /* REQ_OP_MASK: the operation */
	unsigned int __data_len; /* bytes that are not done yet */
	u64 __sector;
	u64 start_time_ns; /* 0 where nobody wants to know */
	unsigned short
		stats_sectors; /* of 512 bytes, when it was sent to the device; 0: no statistics */
};

struct request___old {
	struct gendisk *rq_disk;
};

struct seq_file; /* what a reader of an iterator reads */

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task; /* NULL: after the last */
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	u8 bytes[16];
};

struct sock_common {
	u32 skc_daddr, skc_rcv_saddr; /* of the other end, of this one; in network order */
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	u16 skc_dport;          /* likewise */
	unsigned short skc_num; /* our port, in the order of the CPU; 0 once it is closed */
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
	unsigned long skc_flags; /* by enum sock_flags */
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	u8 sk_shutdown;
	int sk_err;
	struct socket *sk_socket; /* NULL: accept() has not taken it yet, or it is closed */
};

struct inet_sock {
	struct sock sk;
	u16 inet_sport; /* in network order; stays when the connection is closed */
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

struct minmax_sample {
	u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 snd_una, snd_nxt, write_seq;
	u32 rcv_nxt, copied_seq; /* of what comes next into it, and next out of it */
	u64 bytes_acked;         /* SYN and FIN count as one each */
	u64 bytes_sent;          /* also those sent again */
	u64 bytes_retrans;       /* those */
	u64 bytes_received;      /* in order; the other end's FIN counts as one */
	u32 srtt_us;             /* eighths of a microsecond */
	struct minmax rtt_min;   /* us; all ones: none */
	u32 total_retrans, segs_out, segs_in;
};

struct net_device;

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;  /* that it leaves from, or lies in to be read; NULL: none */
	unsigned int len; /* bytes of it that are left */
	char cb[48];      /* of TCP: begins with the sequence number of its first byte */
	unsigned char *head, *data;
	unsigned int tail;  /* bytes behind head */
	u16 protocol;       /* ETH_P_..., in network order */
	u16 network_header; /* bytes behind head */
};

struct socket {
	struct sock *sk;
};

struct iovec {
	void *iov_base;
};

enum iter_type {
	ITER_UBUF,
	ITER_IOVEC,
};

/* What a process reads or writes. */
struct iov_iter {
	u8 iter_type; /* enum iter_type, by its name */
	unsigned long iov_offset;
	struct iovec __ubuf_iovec;
	const struct iovec *__iov;
};

struct msghdr {
	struct iov_iter msg_iter;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task; /* NULL: after the last */
	struct file *file;
};

struct timerqueue_node {
	s64 expires; /* when the timer is due, ns on its clock */
};

struct hrtimer {
	struct timerqueue_node node;
	void *function;
};

struct address_space {
	struct inode *host;
};

struct folio {
	struct address_space *mapping;
	unsigned long _flags_1; /* of a large one: its lowest byte is the logarithm of its pages */
};

struct tick_sched {
	struct hrtimer sched_timer;
};

#pragma clang attribute pop

/* Values that are part of no BTF; the same since they exist. */
#define PF_KTHREAD   0x00200000 /* include/linux/sched.h */
#define AF_INET      2          /* include/linux/socket.h */
#define AF_INET6     10
#define IPPROTO_TCP  6      /* include/uapi/linux/in.h */
#define ETH_P_IP     0x0800 /* include/uapi/linux/if_ether.h */
#define ETH_P_IPV6   0x86dd
#define ETH_P_8021Q  0x8100
#define ETH_P_8021AD 0x88a8
#define IPPROTO_UDP  17
#define S_IFMT       0170000 /* include/uapi/linux/stat.h */
#define S_IFSOCK     0140000

enum sock_flag {   /* bits of skc_flags; include/net/sock.h */
	SOCK_DEAD, /* no process has it any more */
	SOCK_DONE, /* the other end has sent its last byte */
};

/* include/linux/blk_types.h */
#define REQ_OP_MASK         0xff
#define REQ_OP_READ         0
#define REQ_OP_WRITE        1
#define REQ_OP_FLUSH        2
#define REQ_OP_DISCARD      3
#define REQ_OP_SECURE_ERASE 5
#define REQ_OP_ZONE_APPEND  7 /* until 6.0 WRITE_SAME */
#define REQ_OP_WRITE_ZEROES 9
#define REQ_OP_ZONE_FIRST   10 /* open; close, finish, reset */
#define REQ_OP_ZONE_LAST    19
#define REQ_OP_DRV_IN       34
#define REQ_OP_DRV_OUT      35

enum blk_status {
	BLK_STS_NOTSUPP = 1,
	BLK_STS_TIMEOUT,
	BLK_STS_NOSPC,
	BLK_STS_TRANSPORT,
	BLK_STS_TARGET,
	BLK_STS_RESV_CONFLICT,
	BLK_STS_MEDIUM,
	BLK_STS_PROTECTION,
	BLK_STS_RESOURCE,
	BLK_STS_IOERR,
	BLK_STS_DM_REQUEUE,
	BLK_STS_AGAIN,
	BLK_STS_DEV_RESOURCE,
};

#endif
