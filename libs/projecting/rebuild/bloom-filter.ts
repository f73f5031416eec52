/**
 * A set of strings that may say yes to one it never saw, and never says no to one it did (Bloom, 1970), in a fixed
 * amount of memory. With the sizes used here about one in a hundred is wrong at six million.
 */
export const createBloomFilter = (bits = 2 ** 26, hashes = 4) => {
  const words = new Uint32Array(bits / 32);
  const mask = bits - 1;

  /** Two independent 32-bit hashes (FNV-1a and a multiply-rotate over the same characters) make all others. */
  const hash = (text: string): [number, number] => {
    let a = 0x811c9dc5;
    let b = 0x9e3779b9;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul((b << 5) | (b >>> 27), 1) ^ Math.imul(code, 0x85ebca6b);
    }
    return [a ^ (a >>> 15), (b ^ (b >>> 13)) | 1];
  };

  return {
    /** Adds the value, and returns whether the filter may have contained it. */
    add: (text: string): boolean => {
      const [a, b] = hash(text);
      let present = true;
      for (let i = 0; i < hashes; i++) {
        const bit = (a + Math.imul(i, b)) & mask;
        const word = bit >>> 5;
        const flag = 1 << (bit & 31);
        if (((words[word] as number) & flag) === 0) {
          present = false;
          words[word] = (words[word] as number) | flag;
        }
      }
      return present;
    },
  };
};
