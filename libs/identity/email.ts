/**
 * What counts as the same address: Unicode composed (NFC), without case, without white space around it. Nothing is known
 * of the mail system behind it, so dots and tags in the local part stay.
 */
export const emailKey = (email: string): string => email.normalize('NFC').trim().toLowerCase().normalize('NFC');
