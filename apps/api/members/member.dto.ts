import { ApiProperty } from '@nestjs/swagger';
import { ROLES, type Role } from '#domain/tenant/roles';
import type { MemberRow } from '#projections/members/queries';
import { Choice } from '../http/validation/fields';

export class ChangeRoleDto {
  @Choice(ROLES, {
    description: 'New role. Only owners may grant the role `owner` or remove it from a member.',
    example: 'member',
  })
  role!: Role;
}

export class MemberDto {
  @ApiProperty({ format: 'uuid' })
  readonly userId: string;
  @ApiProperty({ example: 'Ada Lovelace' })
  readonly name: string;
  @ApiProperty({ example: 'ada@example.com' })
  readonly email: string;
  @ApiProperty({ enum: ROLES })
  readonly role: string;
  @ApiProperty({ format: 'date-time' })
  readonly joinedAt: string;

  constructor({ userId, name, email, role, joinedAt }: MemberRow) {
    this.userId = userId;
    this.name = name;
    this.email = email;
    this.role = role;
    this.joinedAt = joinedAt.toISOString();
  }
}

export class MemberPageDto {
  @ApiProperty({ type: [MemberDto] })
  data!: MemberDto[];
  @ApiProperty({ type: String, nullable: true, description: '`null` on the last page.' })
  nextCursor!: string | null;
}
