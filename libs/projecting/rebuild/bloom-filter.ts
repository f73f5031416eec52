/**
 * A Bloom filter (Bloom, 1970): a set of strings in a fixed amount of memory. It may report a string as present that
 * was never added, and never reports an added one as absent. With the default sizes, which take 8 MiB, about one in a
 * hundred answers is wrong after six million strings.
 * @param bits a power of 2
 */
export const createBloomFilter = (bits = 2 ** 26, hashes = 4) => {
  const words = new Uint32Array(bits / 32);
  const mask = bits - 1;

  /**
   * Two independent 32-bit hashes (FNV-1a and a multiply-rotate of the same characters), from which all others are
   * computed.
   */
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
    /** Adds a string. @returns false if the filter certainly did not contain it */
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
