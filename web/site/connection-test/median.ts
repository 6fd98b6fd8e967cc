// Of a few times, the one that neither a slow first try nor a hiccup changes.

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
