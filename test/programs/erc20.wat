;; An ERC-20 token that anyone may mint.
;;
;; Written flat, one instruction a line: a test sums the documented prices of the lines and compares
;; them with what the chain charged. To keep that simple there are no loops, and outside the entry
;; point a branch only ever skips a failure, which leaves through `exit_early`.
;;
;; Storage, as a Solidity compiler would lay it out: balances at 0, allowances at 1, total supply at 2.
;;
;; Memory:
;;     0  64 bytes to hash
;;    64  their hash, a storage key
;;    96  a value of storage
;;   192  a log: three topics and the amount
;;   320  caller, 352 first address argument, 384 second: each padded to a word
;;   512  constants
;;   704  a result or an error
;;  1024  calldata: selector, then words at 1028, 1060 and 1092
(module
  (import "vm_hooks" "read_args" (func $read_args (param i32)))
  (import "vm_hooks" "write_result" (func $write_result (param i32 i32)))
  (import "vm_hooks" "exit_early" (func $exit_early (param i32)))
  (import "vm_hooks" "msg_sender" (func $msg_sender (param i32)))
  (import "vm_hooks" "native_keccak256" (func $native_keccak256 (param i32 i32 i32)))
  (import "vm_hooks" "storage_load_bytes32" (func $storage_load_bytes32 (param i32 i32)))
  (import "vm_hooks" "storage_cache_bytes32" (func $storage_cache_bytes32 (param i32 i32)))
  (import "vm_hooks" "storage_flush_cache" (func $storage_flush_cache (param i32)))
  (import "vm_hooks" "emit_log" (func $emit_log (param i32 i32 i32)))
  (memory (export "memory") 1 1)
  ;; Transfer(address,address,uint256)
  (data (i32.const 512) "\dd\f2\52\ad\1b\e2\c8\9b\69\c2\b0\68\fc\37\8d\aa\95\2b\a7\f1\63\c4\a1\16\28\f5\5a\4d\f5\23\b3\ef")
  ;; Approval(address,address,uint256)
  (data (i32.const 544) "\8c\5b\e1\e5\eb\ec\7d\5b\d1\4f\71\42\7d\1e\84\f3\dd\03\14\c0\f7\b2\29\1e\5b\20\0a\c8\c7\c3\b9\25")
  ;; key of the total supply
  (data (i32.const 607) "\02")
  ;; true; the zero address is at 640
  (data (i32.const 703) "\01")

  ;; The bytes of $x in opposite order.
  (func $swap (param $x i64) (result i64)
    local.get $x
    i64.const 0x00ff00ff00ff00ff
    i64.and
    i64.const 8
    i64.shl
    local.get $x
    i64.const 8
    i64.shr_u
    i64.const 0x00ff00ff00ff00ff
    i64.and
    i64.or
    local.set $x
    local.get $x
    i64.const 0x0000ffff0000ffff
    i64.and
    i64.const 16
    i64.shl
    local.get $x
    i64.const 16
    i64.shr_u
    i64.const 0x0000ffff0000ffff
    i64.and
    i64.or
    local.set $x
    local.get $x
    i64.const 32
    i64.rotl
  )

  ;; Adds eight bytes at $b and $carry to those at $a; the next carry.
  (func $add_limb (param $a i32) (param $b i32) (param $carry i64) (result i64)
    (local $sum i64) (local $all i64)
    local.get $a
    i64.load
    call $swap
    local.get $b
    i64.load
    call $swap
    i64.add
    local.tee $sum
    local.get $carry
    i64.add
    local.set $all
    local.get $a
    local.get $all
    call $swap
    i64.store
    local.get $sum
    local.get $b
    i64.load
    call $swap
    i64.lt_u
    local.get $all
    local.get $sum
    i64.lt_u
    i32.or
    i64.extend_i32_u
  )

  ;; Takes eight bytes at $b and $borrow from those at $a; the next borrow.
  (func $sub_limb (param $a i32) (param $b i32) (param $borrow i64) (result i64)
    (local $left i64) (local $right i64) (local $difference i64)
    local.get $a
    i64.load
    call $swap
    local.set $left
    local.get $b
    i64.load
    call $swap
    local.set $right
    local.get $left
    local.get $right
    i64.sub
    local.set $difference
    local.get $a
    local.get $difference
    local.get $borrow
    i64.sub
    call $swap
    i64.store
    local.get $left
    local.get $right
    i64.lt_u
    local.get $difference
    local.get $borrow
    i64.lt_u
    i32.or
    i64.extend_i32_u
  )

  ;; Adds the word at $b to the word at $a; whether it overflowed.
  (func $add (param $a i32) (param $b i32) (result i32)
    (local $rest i64)
    local.get $a
    i32.const 24
    i32.add
    local.get $b
    i32.const 24
    i32.add
    local.get $rest
    call $add_limb
    local.set $rest
    local.get $a
    i32.const 16
    i32.add
    local.get $b
    i32.const 16
    i32.add
    local.get $rest
    call $add_limb
    local.set $rest
    local.get $a
    i32.const 8
    i32.add
    local.get $b
    i32.const 8
    i32.add
    local.get $rest
    call $add_limb
    local.set $rest
    local.get $a
    local.get $b
    local.get $rest
    call $add_limb
    local.set $rest
    local.get $rest
    i64.const 0
    i64.ne
  )

  ;; Takes the word at $b from the word at $a; whether it underflowed.
  (func $sub (param $a i32) (param $b i32) (result i32)
    (local $rest i64)
    local.get $a
    i32.const 24
    i32.add
    local.get $b
    i32.const 24
    i32.add
    local.get $rest
    call $sub_limb
    local.set $rest
    local.get $a
    i32.const 16
    i32.add
    local.get $b
    i32.const 16
    i32.add
    local.get $rest
    call $sub_limb
    local.set $rest
    local.get $a
    i32.const 8
    i32.add
    local.get $b
    i32.const 8
    i32.add
    local.get $rest
    call $sub_limb
    local.set $rest
    local.get $a
    local.get $b
    local.get $rest
    call $sub_limb
    local.set $rest
    local.get $rest
    i64.const 0
    i64.ne
  )

  ;; Copies a word.
  (func $copy (param $to i32) (param $from i32)
    local.get $to
    local.get $from
    i64.load offset=0
    i64.store offset=0
    local.get $to
    local.get $from
    i64.load offset=8
    i64.store offset=8
    local.get $to
    local.get $from
    i64.load offset=16
    i64.store offset=16
    local.get $to
    local.get $from
    i64.load offset=24
    i64.store offset=24
  )

  ;; Copies the address in a word; what was above it in the target stays.
  (func $address (param $to i32) (param $from i32)
    local.get $to
    local.get $from
    i32.load offset=12
    i32.store offset=12
    local.get $to
    local.get $from
    i64.load offset=16
    i64.store offset=16
    local.get $to
    local.get $from
    i64.load offset=24
    i64.store offset=24
  )

  ;; The key of $account in $mapping, at 64.
  (func $key (param $account i32) (param $mapping i64)
    i32.const 0
    local.get $account
    call $copy
    i32.const 32
    i64.const 0
    i64.store
    i32.const 40
    i64.const 0
    i64.store
    i32.const 48
    i64.const 0
    i64.store
    i32.const 56
    local.get $mapping
    i64.const 56
    i64.shl
    i64.store
    i32.const 0
    i32.const 64
    i32.const 64
    call $native_keccak256
  )

  ;; The key of an allowance, at 64.
  (func $allowance_key (param $owner i32) (param $spender i32)
    local.get $owner
    i64.const 1
    call $key
    i32.const 0
    local.get $spender
    call $copy
    i32.const 32
    i32.const 64
    call $copy
    i32.const 0
    i32.const 64
    i32.const 64
    call $native_keccak256
  )

  ;; The result of the call.
  (func $return_word (param $word i32)
    local.get $word
    i32.const 32
    call $write_result
  )

  ;; Writes what changed and returns true.
  (func $done
    i32.const 0
    call $storage_flush_cache
    i32.const 672
    call $return_word
  )

  ;; Logs an event with two indexed addresses and an amount.
  (func $log (param $event i32) (param $first i32) (param $second i32) (param $amount i32)
    i32.const 192
    local.get $event
    call $copy
    i32.const 224
    local.get $first
    call $copy
    i32.const 256
    local.get $second
    call $copy
    i32.const 288
    local.get $amount
    call $copy
    i32.const 192
    i32.const 128
    i32.const 3
    call $emit_log
  )

  ;; Reverts with an account, the value at key 64 and the amount that was needed.
  (func $refuse (param $selector i32) (param $account i32) (param $amount i32)
    i32.const 704
    local.get $selector
    i32.store
    i32.const 708
    local.get $account
    call $copy
    i32.const 64
    i32.const 740
    call $storage_load_bytes32
    i32.const 772
    local.get $amount
    call $copy
    i32.const 704
    i32.const 100
    call $write_result
    i32.const 1
    call $exit_early
  )

  ;; Takes an amount from a balance, or fails with ERC20InsufficientBalance.
  (func $debit (param $account i32) (param $amount i32)
    local.get $account
    i64.const 0
    call $key
    i32.const 64
    i32.const 96
    call $storage_load_bytes32
    block
      i32.const 96
      local.get $amount
      call $sub
      i32.eqz
      br_if 0
      i32.const 0x8cd350e4
      local.get $account
      local.get $amount
      call $refuse
    end
    i32.const 64
    i32.const 96
    call $storage_cache_bytes32
  )

  ;; Adds an amount to a balance, which the total supply keeps from overflowing.
  (func $credit (param $account i32) (param $amount i32)
    local.get $account
    i64.const 0
    call $key
    i32.const 64
    i32.const 96
    call $storage_load_bytes32
    i32.const 96
    local.get $amount
    call $add
    drop
    i32.const 64
    i32.const 96
    call $storage_cache_bytes32
  )

  ;; Moves an amount between two accounts.
  (func $move (param $from i32) (param $to i32) (param $amount i32)
    local.get $from
    local.get $amount
    call $debit
    local.get $to
    local.get $amount
    call $credit
    i32.const 512
    local.get $from
    local.get $to
    local.get $amount
    call $log
    call $done
  )

  ;; transfer(address to, uint256 amount)
  (func $transfer
    i32.const 320
    i32.const 352
    i32.const 1060
    call $move
  )

  ;; approve(address spender, uint256 amount)
  (func $approve
    i32.const 320
    i32.const 352
    call $allowance_key
    i32.const 64
    i32.const 1060
    call $storage_cache_bytes32
    i32.const 544
    i32.const 320
    i32.const 352
    i32.const 1060
    call $log
    call $done
  )

  ;; Takes an amount from the allowance of the caller, or fails with ERC20InsufficientAllowance.
  (func $spend (param $amount i32)
    i32.const 352
    i32.const 320
    call $allowance_key
    i32.const 64
    i32.const 96
    call $storage_load_bytes32
    block
      i32.const 96
      local.get $amount
      call $sub
      i32.eqz
      br_if 0
      i32.const 0xb2418ffb
      i32.const 320
      local.get $amount
      call $refuse
    end
    i32.const 64
    i32.const 96
    call $storage_cache_bytes32
  )

  ;; transferFrom(address from, address to, uint256 amount)
  (func $transfer_from
    i32.const 1092
    call $spend
    i32.const 352
    i32.const 384
    i32.const 1092
    call $move
  )

  ;; mint(address to, uint256 amount); fails with Panic(0x11) when the total supply overflows.
  (func $mint
    i32.const 576
    i32.const 96
    call $storage_load_bytes32
    block
      i32.const 96
      i32.const 1060
      call $add
      i32.eqz
      br_if 0
      i32.const 704
      i32.const 0x717b484e
      i32.store
      i32.const 739
      i32.const 0x11
      i32.store8
      i32.const 704
      i32.const 36
      call $write_result
      i32.const 1
      call $exit_early
    end
    i32.const 576
    i32.const 96
    call $storage_cache_bytes32
    i32.const 352
    i32.const 1060
    call $credit
    i32.const 512
    i32.const 640
    i32.const 352
    i32.const 1060
    call $log
    call $done
  )

  ;; totalSupply()
  (func $total_supply
    i32.const 576
    i32.const 96
    call $storage_load_bytes32
    i32.const 96
    call $return_word
  )

  ;; balanceOf(address account)
  (func $balance_of
    i32.const 352
    i64.const 0
    call $key
    i32.const 64
    i32.const 96
    call $storage_load_bytes32
    i32.const 96
    call $return_word
  )

  ;; allowance(address owner, address spender)
  (func $allowance
    i32.const 352
    i32.const 384
    call $allowance_key
    i32.const 64
    i32.const 96
    call $storage_load_bytes32
    i32.const 96
    call $return_word
  )

  ;; Finds the method; reverts without data when there is none, or its arguments are cut.
  (func $user_entrypoint (export "user_entrypoint") (param $len i32) (result i32)
    (local $selector i32)
    i32.const 1024
    call $read_args
    i32.const 332
    call $msg_sender
    i32.const 352
    i32.const 1028
    call $address
    i32.const 384
    i32.const 1060
    call $address
    i32.const 1024
    i32.load
    local.set $selector
    block
      block
        block
          block
            block
              block
                block
                  block
                    local.get $len
                    i32.const 68
                    i32.ge_u
                    local.get $selector
                    i32.const 0xbb9c05a9
                    i32.eq
                    i32.and
                    br_if 0
                    local.get $len
                    i32.const 100
                    i32.ge_u
                    local.get $selector
                    i32.const 0xdd72b823
                    i32.eq
                    i32.and
                    br_if 1
                    local.get $len
                    i32.const 68
                    i32.ge_u
                    local.get $selector
                    i32.const 0xb3a75e09
                    i32.eq
                    i32.and
                    br_if 2
                    local.get $len
                    i32.const 68
                    i32.ge_u
                    local.get $selector
                    i32.const 0x190fc140
                    i32.eq
                    i32.and
                    br_if 3
                    local.get $len
                    i32.const 36
                    i32.ge_u
                    local.get $selector
                    i32.const 0x3182a070
                    i32.eq
                    i32.and
                    br_if 4
                    local.get $len
                    i32.const 68
                    i32.ge_u
                    local.get $selector
                    i32.const 0x3eed62dd
                    i32.eq
                    i32.and
                    br_if 5
                    local.get $len
                    i32.const 4
                    i32.ge_u
                    local.get $selector
                    i32.const 0xdd0d1618
                    i32.eq
                    i32.and
                    br_if 6
                    br 7
                  end
                  call $transfer
                  i32.const 0
                  return
                end
                call $transfer_from
                i32.const 0
                return
              end
              call $approve
              i32.const 0
              return
            end
            call $mint
            i32.const 0
            return
          end
          call $balance_of
          i32.const 0
          return
        end
        call $allowance
        i32.const 0
        return
      end
      call $total_supply
      i32.const 0
      return
    end
    i32.const 1
  )
)
