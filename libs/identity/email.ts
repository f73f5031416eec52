import { domainToASCII } from 'node:url';

/** Compatible forms of a letter, such as full-width ones, are the same letter. Twice, because lower case may decompose. */
const comparable = (text: string): string => text.normalize('NFKC').toLowerCase().normalize('NFKC');

/**
 * The form of an e-mail address by which addresses are compared: letters in compatible composition (NFKC) and lower
 * case, without white space around them, and the domain in ASCII (IDNA, UTS 46), so that `müller.example` and
 * `xn--mller-kva.example` are one domain. Dots and tags in the local part stay, because mail systems differ in what they
 * mean.
 */
export const emailKey = (email: string): string => {
  const text = comparable(email.trim()).trim();
  const at = text.lastIndexOf('@') + 1;
  const domain = text.slice(at);
  return text.slice(0, at) + ((at > 0 && domainToASCII(domain)) || domain);
};

/** The domain of an e-mail address in ASCII, as in the allowed domains of an invitation. */
export const emailDomainOf = (email: string): string => emailKey(email).split('@').at(-1) ?? '';
