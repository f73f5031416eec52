/**
 * The form of an e-mail address by which addresses are compared: Unicode composed (NFC), in lower case, without white
 * space around it. Dots and tags in the local part stay, because mail systems differ in what they mean.
 */
export const emailKey = (email: string): string => email.normalize('NFC').trim().toLowerCase().normalize('NFC');
