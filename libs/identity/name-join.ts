/**
 * SQL that adds the columns `name` and `email` of users to rows that hold their ids. The columns are null where row security
 * shows no user.
 * @param id an SQL expression
 */
export const joinNames = (id: string): string => `left join identity.users on id = ${id}`;
