/**
 * SQL that adds the columns `name` and `email` of users to rows that hold their ids. Both are null where row-level
 * security hides the user.
 * @param id an SQL expression for the user's id
 */
export const joinNames = (id: string): string => `left join identity.users on id = ${id}`;
